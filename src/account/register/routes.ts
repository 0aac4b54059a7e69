/** HTTP for registration. */
import { Elysia, t } from "elysia"
import { clientAddress } from "../../auth/guard.ts"
import { assertHuman, LONGEST_TURNSTILE_TOKEN, type TurnstileNeeds } from "../../auth/turnstile.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import { hostNetworkOf } from "../../platform/network.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import { problems } from "../../platform/schema.ts"
import { getBalances } from "../../wallet/ledger/accounts.ts"
import { toApiWallet, Wallet } from "../../wallet/status.ts"
import { CustomerView, toApiCustomer } from "../me/customer-view.ts"
import { type RegisterNeeds, registerCustomer } from "./register.ts"

export const registerRoutes = (needs: RegisterNeeds & AttemptNeeds & TurnstileNeeds) =>
  new Elysia({ prefix: "/api/v1/customer" }).post(
    "/register",
    async ({ body, request, server, status }) => {
      const address = clientAddress(request, server?.requestIP(request)?.address)
      limitAttempts(needs, [hostNetworkOf(address)])
      const { email, password, referralCode: referral_code, turnstileToken: token } = body
      await assertHuman(needs, { token, address })
      const { customer, system_token } = await registerCustomer(needs, { email, password, referral_code })
      const balances = await getBalances(needs.store.read, customer.id)
      return status(201, {
        customer: toApiCustomer(customer),
        systemToken: system_token,
        wallet: toApiWallet(balances),
      })
    },
    {
      parse: readJsonBody,
      body: t.Object({
        email: t.String({ format: "email", maxLength: 254 }),
        password: t.String({ minLength: 10, maxLength: 128 }),
        referralCode: t.Optional(
          t.String({ minLength: 1, maxLength: 64, description: "Of the customer who brought you" }),
        ),
        turnstileToken: t.Optional(
          t.String({
            maxLength: LONGEST_TURNSTILE_TOKEN,
            description: "Of the page's Turnstile check, where the server asks for one",
          }),
        ),
      }),
      response: {
        201: t.Object({
          customer: CustomerView,
          systemToken: t.String({ description: "API username and key; keep it secret" }),
          wallet: Wallet,
        }),
        ...problems(400, 403, 409, 413, 415, 422, 429, 503),
      },
      detail: {
        tags: ["auth"],
        security: [],
        summary: "Create a customer account and issue a wallet-linked API key",
      },
    },
  )
