/** HTTP for `me`: who I am, what I have, how I connect, and my e-mail address. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import { getCustomer } from "../../auth/customers.ts"
import { clientAddress, type GuardNeeds } from "../../auth/guard.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import { hostNetworkOf } from "../../platform/network.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import { problems } from "../../platform/schema.ts"
import { getBalances } from "../../wallet/ledger/accounts.ts"
import { OffersView, readOffers } from "../../wallet/offers/offer-view.ts"
import { CashWallet, toApiCashWallet, toApiWallet, Wallet } from "../../wallet/status.ts"
import type { PaymentNeeds } from "../../wallet/stripe/account.ts"
import { type CliNeeds, CliSettings, getCliSettings } from "./cli-settings.ts"
import { CustomerView, toApiCustomer } from "./customer-view.ts"
import { type EmailNeeds, type EmailOutcome, saveEmail } from "./email.ts"

const Me = t.Object({
  customer: CustomerView,
  wallet: Wallet,
  cashWallet: CashWallet,
  offers: OffersView,
  cli: CliSettings,
})

const NewEmail = t.Object({
  email: t.String({ format: "email", maxLength: 254 }),
  code: t.Optional(t.String({ pattern: "^\\d{6}$", description: "The six digits that were mailed there" })),
})

const EmailView = t.Object({
  state: t.UnionEnum(["verified", "code-sent", "unverified"]),
  detail: t.String({ description: "What happened and what to do next" }),
  customer: CustomerView,
})

export const meRoutes = (needs: GuardNeeds & CliNeeds & AttemptNeeds & EmailNeeds & PaymentNeeds) =>
  new Elysia({ prefix: "/api/v1" })
    .use(bearer(needs))
    .get(
      "/me",
      async ({ caller, request }) => {
        const customer = await getCustomer(needs.store.read, caller.customer_id)
        const balances = await getBalances(needs.store.read, caller.customer_id)
        return {
          customer: toApiCustomer(customer),
          wallet: toApiWallet(balances),
          cashWallet: toApiCashWallet(balances),
          offers: await readOffers(needs),
          cli: getCliSettings(needs, new URL(request.url).origin),
        }
      },
      {
        response: { 200: Me, ...problems(401) },
        detail: {
          tags: ["auth"],
          summary: "Read the current customer, wallets, offers and CLI configuration",
        },
      },
    )
    .post(
      "/me/email",
      async ({ caller, body, request, server }) => {
        const address = clientAddress(request, server?.requestIP(request)?.address)
        limitAttempts(needs, [hostNetworkOf(address), `e-mail of ${caller.customer_id}`])
        return toApiEmail(await saveEmail(needs, caller, body))
      },
      {
        parse: readJsonBody,
        body: NewEmail,
        response: { 200: EmailView, ...problems(400, 401, 403, 409, 413, 415, 422, 429) },
        detail: {
          tags: ["auth"],
          summary: "Save the required customer email address for the current CodexAPI.pro wallet",
          description:
            "With `email` alone a code is mailed there; with `email` and `code` the address is saved as verified. " +
            "Where the server sends no mail, the address is saved at once, unverified.",
        },
      },
    )

const DETAIL: Record<EmailOutcome["state"], string> = {
  verified: "The address is saved and verified.",
  "code-sent": "A code was mailed to the address: send it back with the address within 15 minutes.",
  unverified: "The address is saved. It is not verified, because this server sends no mail.",
}

const toApiEmail = ({ state, customer }: EmailOutcome) => ({
  state,
  detail: DETAIL[state],
  customer: toApiCustomer(customer),
})
