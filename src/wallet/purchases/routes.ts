/** HTTP for purchases without a payment page: plan payments, and packages from the Cash Wallet. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import { clientAddress, type GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped } from "../../auth/keys.ts"
import { answerOnce, type IdempotencyNeeds, type Remember } from "../../platform/idempotency.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import type { AttemptNeeds } from "../../platform/rate-limit.ts"
import { problems } from "../../platform/schema.ts"
import type { TxQuery } from "../../platform/store.ts"
import { getBalances } from "../ledger/accounts.ts"
import { limitCodeAttempts } from "../offers/topup-discount.ts"
import { CashWallet, toApiCashWallet, toApiWallet, Wallet } from "../status.ts"
import { PurchaseView, toApiPurchase } from "./purchase-view.ts"
import type { Purchase } from "./purchases.ts"
import { buyWithCash, type RedeemNeeds, redeemPlanPayment } from "./redeem.ts"

const PurchaseAnswer = t.Object({ purchase: PurchaseView, wallet: Wallet, cashWallet: CashWallet })
type PurchaseAnswer = typeof PurchaseAnswer.static

/** What both answer, remembered in the transaction that moved the money. */
const toAnswer = (remember: Remember<PurchaseAnswer>) => async (q: TxQuery, purchase: Purchase) => {
  const balances = await getBalances(q, purchase.customer_id)
  const answer = {
    purchase: toApiPurchase(purchase),
    wallet: toApiWallet(balances),
    cashWallet: toApiCashWallet(balances),
  }
  await remember(q, answer)
  return answer
}

export const purchaseRoutes = (needs: GuardNeeds & RedeemNeeds & IdempotencyNeeds & AttemptNeeds) =>
  new Elysia({ prefix: "/api/v1" })
    .use(bearer(needs))
    .post(
      "/wallet/top-up",
      ({ caller: { customer_id }, body, request }) =>
        answerOnce<PurchaseAnswer>(needs, { customer_id, request, body }, remember =>
          redeemPlanPayment(needs, { customer_id, reference: body.reference }, toAnswer(remember)),
        ),
      {
        parse: readJsonBody,
        body: t.Object({
          reference: t.String({ minLength: 1, maxLength: 128, description: "Of the plan payment" }),
        }),
        response: {
          200: PurchaseAnswer,
          ...problems(400, 401, 404, 409, 413, 415, 422),
        },
        detail: { tags: ["billing"], summary: "Load credit onto the current wallet after a plan payment" },
      },
    )
    .post(
      "/cash-wallet/token-purchase",
      ({ caller, body, request, server }) => {
        assertUnscoped(caller, "spend cash")
        const { customer_id } = caller
        const { packageId: package_id, code } = body
        return answerOnce<PurchaseAnswer>(needs, { customer_id, request, body }, async remember => {
          const address = clientAddress(request, server?.requestIP(request)?.address)
          limitCodeAttempts(needs, { customer_id, address, code })
          return buyWithCash(needs, { customer_id, package_id, code }, toAnswer(remember))
        })
      },
      {
        parse: readJsonBody,
        body: t.Object({
          packageId: t.String({ minLength: 1, maxLength: 64 }),
          code: t.Optional(t.String({ minLength: 1, maxLength: 64, description: "Bonus code" })),
        }),
        response: {
          200: PurchaseAnswer,
          ...problems(400, 401, 402, 403, 409, 413, 415, 422, 429),
        },
        detail: {
          tags: ["billing"],
          summary: "Use Cash Wallet balance to buy a Token Wallet top-up package",
        },
      },
    )
