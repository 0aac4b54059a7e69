/** HTTP for signing in from a command line. */
import { Elysia, t } from "elysia"
import { clientAddress } from "../../auth/guard.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import { hostNetworkOf } from "../../platform/network.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import { problems } from "../../platform/schema.ts"
import { CustomerView, toApiCustomer } from "../me/customer-view.ts"
import type { RegisterNeeds } from "../register/register.ts"
import { attemptName, signIn } from "./sign-in.ts"

export const signInRoutes = (needs: RegisterNeeds & AttemptNeeds) =>
  new Elysia({ prefix: "/api/v1/auth" }).post(
    "/login",
    async ({ body, request, server }) => {
      const address = clientAddress(request, server?.requestIP(request)?.address)
      limitAttempts(needs, [hostNetworkOf(address), attemptName(body.email, address)])
      const signed_in = await signIn(needs, { ...body, key_name: body.keyName ?? "CLI sign-in" })
      return { customer: toApiCustomer(signed_in.customer), keyId: signed_in.key_id, apiKey: signed_in.key }
    },
    {
      parse: readJsonBody,
      body: t.Object({
        email: t.String({ maxLength: 254 }),
        password: t.String({ maxLength: 128 }),
        keyName: t.Optional(t.String({ minLength: 1, maxLength: 80, description: "Name of the new key" })),
      }),
      response: {
        200: t.Object({
          customer: CustomerView,
          keyId: t.String(),
          apiKey: t.String({ description: "A new User API Key, shown only now" }),
        }),
        ...problems(400, 401, 409, 413, 415, 422, 429),
      },
      detail: {
        tags: ["auth"],
        security: [],
        summary: "Authenticate a CLI user and issue a wallet-linked API key",
      },
    },
  )
