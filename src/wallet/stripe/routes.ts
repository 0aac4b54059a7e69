/** HTTP for payments by Stripe: payment pages, their confirmation, and Stripe's own events. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import { clientAddress, type GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped, type Caller } from "../../auth/keys.ts"
import { answerOnce, type IdempotencyNeeds } from "../../platform/idempotency.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import type { Log } from "../../platform/log.ts"
import type { AttemptNeeds } from "../../platform/rate-limit.ts"
import { problems, Time } from "../../platform/schema.ts"
import { getBalances } from "../ledger/accounts.ts"
import { getOfferedPackage } from "../offers/packages.ts"
import { limitCodeAttempts } from "../offers/topup-discount.ts"
import { PurchaseView, toApiPurchase } from "../purchases/purchase-view.ts"
import { CashWallet, toApiCashWallet, toApiWallet, Wallet } from "../status.ts"
import { readCashAmount } from "./cash-amount.ts"
import { openCheckout } from "./checkout.ts"
import { confirmSession } from "./confirm.ts"
import type { FulfilNeeds } from "./fulfil.ts"
import { ReturnUrl, toReturnUrls } from "./return-urls.ts"
import { receiveEvent } from "./webhook.ts"

export interface StripeRouteNeeds extends GuardNeeds, FulfilNeeds, IdempotencyNeeds, AttemptNeeds {
  log: Log
  config: FulfilNeeds["config"] & { public_url: string | undefined }
}

const CheckoutView = t.Object({
  purchase: PurchaseView,
  sessionId: t.String({ description: "For confirm" }),
  url: t.String({ description: "The payment page; open it in a browser" }),
  expiresAt: Time,
})
const Confirmed = t.Object({ purchase: PurchaseView, wallet: Wallet, cashWallet: CashWallet })
const ConfirmBody = t.Object({ sessionId: t.String({ minLength: 1, maxLength: 255 }) })

/** Nobody who means another currency is charged in ours by mistake. */
const Currency = t.Optional(
  t.Union([t.Literal("USD"), t.Literal("usd")], { description: "The only one; may be left out" }),
)
const PackageCheckout = t.Object({
  packageId: t.String({ minLength: 1, maxLength: 64 }),
  code: t.Optional(t.String({ minLength: 1, maxLength: 64, description: "Bonus code" })),
  saveCard: t.Optional(t.Boolean({ description: "Let auto-topup charge the card again" })),
  currency: Currency,
  ...ReturnUrl,
})
const CashCheckout = t.Object({
  amountUsd: t.String({ maxLength: 32, description: "USD in whole cents", examples: ["25.00"] }),
  currency: Currency,
  ...ReturnUrl,
})

export const stripeRoutes = (needs: StripeRouteNeeds) =>
  new Elysia({ prefix: "/api/v1" })
    // Stripe has no key of ours: its signature is checked instead.
    .post("/stripe/webhook", ({ request }) => receiveEvent(needs, request), {
      parse: "none",
      response: { 200: t.Object({ received: t.Literal(true) }), ...problems(400, 413, 503) },
      detail: { tags: ["billing"], security: [], summary: "Receive Stripe wallet payment events" },
    })
    .use(bearer(needs))
    .post(
      "/wallet/stripe/checkout",
      ({ caller, body, request, server, status }) => {
        const { customer_id } = caller
        assertMayKeepCard(caller, body)
        return answerOnce(needs, { customer_id, request, body }, async () => {
          const address = clientAddress(request, server?.requestIP(request)?.address)
          limitCodeAttempts(needs, { customer_id, address, code: body.code })
          const offer = await getOfferedPackage(needs.store.read, body.packageId)
          return toApiCheckout(
            await openCheckout(needs, {
              order: { customer_id, kind: "package", offer, code: body.code },
              urls: toReturnUrls(needs, request, body),
              is_card_kept: body.saveCard ?? false,
              label: offer.label,
            }),
          )
        }).then(answer => status(201, answer))
      },
      {
        parse: readJsonBody,
        body: PackageCheckout,
        response: { 201: CheckoutView, ...problems(400, 401, 403, 409, 413, 415, 422, 429, 502, 503) },
        detail: { tags: ["billing"], summary: "Create a Stripe Checkout Session for a wallet credit pack" },
      },
    )
    .post(
      "/wallet/stripe/confirm",
      async ({ caller: { customer_id }, body }) =>
        confirm(needs, { customer_id, session_id: body.sessionId, kind: "package" }),
      {
        parse: readJsonBody,
        body: ConfirmBody,
        response: { 200: Confirmed, ...problems(400, 401, 402, 404, 409, 413, 415, 422, 429, 503) },
        detail: {
          tags: ["billing"],
          summary: "Confirm a paid Stripe Checkout Session and reconcile wallet credit",
        },
      },
    )
    .post(
      "/cash-wallet/stripe/checkout",
      ({ caller: { customer_id }, body, request, status }) =>
        answerOnce(needs, { customer_id, request, body }, async () => {
          const price_cents = await readCashAmount(needs.store.read, body.amountUsd)
          return toApiCheckout(
            await openCheckout(needs, {
              order: { customer_id, kind: "cash-load", price_cents },
              urls: toReturnUrls(needs, request, body),
              is_card_kept: false,
              label: "Cash Wallet",
            }),
          )
        }).then(answer => status(201, answer)),
      {
        parse: readJsonBody,
        body: CashCheckout,
        response: { 201: CheckoutView, ...problems(400, 401, 409, 413, 415, 422, 429, 502, 503) },
        detail: {
          tags: ["billing"],
          summary: "Create a Stripe Checkout Session to load real-money Cash Wallet balance",
        },
      },
    )
    .post(
      "/cash-wallet/stripe/confirm",
      async ({ caller: { customer_id }, body }) =>
        confirm(needs, { customer_id, session_id: body.sessionId, kind: "cash-load" }),
      {
        parse: readJsonBody,
        body: ConfirmBody,
        response: { 200: Confirmed, ...problems(400, 401, 402, 404, 409, 413, 415, 422, 429, 503) },
        detail: {
          tags: ["billing"],
          summary: "Confirm a paid Stripe Checkout Session and reconcile Cash Wallet balance",
        },
      },
    )

/** The card that is saved is the one auto-topup charges from then on. */
const assertMayKeepCard = (caller: Caller, { saveCard }: { saveCard?: boolean | undefined }): void => {
  if (saveCard === true) assertUnscoped(caller, "save a card")
}

async function confirm(needs: StripeRouteNeeds, asked: Parameters<typeof confirmSession>[1]) {
  const purchase = await confirmSession(needs, asked)
  const balances = await getBalances(needs.store.read, asked.customer_id)
  return {
    purchase: toApiPurchase(purchase),
    wallet: toApiWallet(balances),
    cashWallet: toApiCashWallet(balances),
  }
}

const toApiCheckout = (opened: Awaited<ReturnType<typeof openCheckout>>) => ({
  purchase: toApiPurchase(opened.purchase),
  sessionId: opened.session_id,
  url: opened.url,
  expiresAt: new Date(opened.expires_at).toISOString(),
})
