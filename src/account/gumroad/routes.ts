/** HTTP for registering with a licence that was bought on Gumroad. */
import { Elysia, t } from "elysia"
import { clientAddress } from "../../auth/guard.ts"
import { assertHuman, LONGEST_TURNSTILE_TOKEN, type TurnstileNeeds } from "../../auth/turnstile.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import { hostNetworkOf } from "../../platform/network.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import { problems, Usd } from "../../platform/schema.ts"
import { getBalances } from "../../wallet/ledger/accounts.ts"
import { formatUsd } from "../../wallet/ledger/nanos.ts"
import { toApiWallet, Wallet } from "../../wallet/status.ts"
import { CustomerView, toApiCustomer } from "../me/customer-view.ts"
import { type BuyerNeeds, registerBuyer } from "./register-buyer.ts"

const NewBuyer = t.Object({
  email: t.String({ format: "email", maxLength: 254 }),
  password: t.String({ minLength: 10, maxLength: 128 }),
  licenseKey: t.String({ minLength: 1, maxLength: 200, description: "From the Gumroad receipt" }),
  referralCode: t.Optional(
    t.String({ minLength: 1, maxLength: 64, description: "Of the customer who brought you" }),
  ),
  turnstileToken: t.Optional(t.String({ maxLength: LONGEST_TURNSTILE_TOKEN })),
})

export const gumroadRoutes = (needs: BuyerNeeds & AttemptNeeds & TurnstileNeeds) =>
  new Elysia({ prefix: "/api/v1/gumroad" }).post(
    "/register",
    async ({ body, request, server, status }) => {
      const address = clientAddress(request, server?.requestIP(request)?.address)
      limitAttempts(needs, [hostNetworkOf(address)])
      await assertHuman(needs, { token: body.turnstileToken, address })
      const { customer, system_token, credit_nanos } = await registerBuyer(needs, {
        email: body.email,
        password: body.password,
        licence_key: body.licenseKey,
        referral_code: body.referralCode,
      })
      return status(201, {
        customer: toApiCustomer(customer),
        systemToken: system_token,
        creditUsd: formatUsd(credit_nanos),
        wallet: toApiWallet(await getBalances(needs.store.read, customer.id)),
      })
    },
    {
      parse: readJsonBody,
      body: NewBuyer,
      response: {
        201: t.Object({
          customer: CustomerView,
          systemToken: t.String({ description: "API username and key; keep it secret" }),
          creditUsd: t.String({ ...Usd, description: "What the licence loaded" }),
          wallet: Wallet,
        }),
        ...problems(400, 403, 409, 413, 415, 422, 429, 503),
      },
      detail: {
        tags: ["auth"],
        security: [],
        summary: "Create a Gumroad.com buyer account and load $200 Token Wallet credit",
        description:
          "Once for each sale: a second registration with its licence answers 409 `already_claimed` and creates nothing.",
      },
    },
  )
