/** Signing in from a command line: e-mail and password for a fresh User API Key. */
import { type Customer, checkPassword, normaliseEmail } from "../../auth/customers.ts"
import { createKey } from "../../auth/keys.ts"
import { AppError } from "../../platform/errors.ts"
import { siteNetworkOf } from "../../platform/network.ts"
import type { RegisterNeeds } from "../register/register.ts"

export interface SignedIn {
  customer: Customer
  key_id: string
  key: string
}

/** Throws `unauthorized` with one message for a wrong password and an unknown address alike. */
export async function signIn(
  needs: RegisterNeeds,
  input: { email: string; password: string; key_name: string },
): Promise<SignedIn> {
  const customer = await checkPassword(needs, input)
  if (!customer) {
    needs.events.emit("sign-in-failed", { reason: "wrong_credentials" })
    throw new AppError("unauthorized", "The e-mail address or the password is wrong.", {
      code: "wrong_credentials",
    })
  }
  return needs.store.tx(async q => {
    const key = await createKey(q, needs, { customer_id: customer.id, kind: "user", name: input.key_name })
    q.afterCommit(() => needs.events.emit("customer-signed-in", { customer_id: customer.id, key_id: key.id }))
    return { customer, key_id: key.id, key: key.token }
  })
}

/** The name under which attempts on one account from one site are counted: who holds a few addresses holds more. */
export const attemptName = (email: string, address: string): string =>
  `${normaliseEmail(email)} from ${siteNetworkOf(address)}`
