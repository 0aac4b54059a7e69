/** HTTP for `me`: who I am, what I have, how I connect. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import { getCustomer } from "../../auth/customers.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import { problems } from "../../platform/schema.ts"
import type { Store } from "../../platform/store.ts"
import { getBalances } from "../../wallet/ledger/accounts.ts"
import { CashWallet, toApiCashWallet, toApiWallet, Wallet } from "../../wallet/status.ts"
import { type CliNeeds, CliSettings, getCliSettings } from "./cli-settings.ts"
import { CustomerView, toApiCustomer } from "./customer-view.ts"

export const meRoutes = (needs: GuardNeeds & CliNeeds & { store: Store }) =>
  new Elysia({ prefix: "/api/v1" }).use(bearer(needs)).get(
    "/me",
    async ({ caller, request }) => {
      const customer = await getCustomer(needs.store.read, caller.customer_id)
      const balances = await getBalances(needs.store.read, caller.customer_id)
      return {
        customer: toApiCustomer(customer),
        wallet: toApiWallet(balances),
        cashWallet: toApiCashWallet(balances),
        cli: getCliSettings(needs, new URL(request.url).origin),
      }
    },
    {
      response: {
        200: t.Object({ customer: CustomerView, wallet: Wallet, cashWallet: CashWallet, cli: CliSettings }),
        ...problems(401),
      },
      detail: { tags: ["auth"], summary: "Read the current customer, wallets and CLI configuration" },
    },
  )
