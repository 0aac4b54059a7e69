/** Creating a customer: identity, System Token and wallet, all or nothing. */
import { type Customer, createCustomer } from "../../auth/customers.ts"
import { createKey } from "../../auth/keys.ts"
import { assertPassword, hashPassword } from "../../auth/passwords.ts"
import type { Vault } from "../../auth/vault.ts"
import type { Clock } from "../../platform/clock.ts"
import type { Events } from "../../platform/events.ts"
import type { NewId, Random } from "../../platform/ids.ts"
import type { Store } from "../../platform/store.ts"
import { openAccounts } from "../../wallet/ledger/accounts.ts"

export interface RegisterNeeds {
  store: Store
  vault: Vault
  random: Random
  newId: NewId
  clock: Clock
  events: Events
}

/** Throws `conflict` when the address is taken, `invalid` for a password that is too short or too long. */
export async function registerCustomer(
  needs: RegisterNeeds,
  input: { email: string; password: string },
): Promise<{ customer: Customer; system_token: string }> {
  assertPassword(input.password)
  const password_hash = await hashPassword(input.password)
  return needs.store.tx(async q => {
    const customer = await createCustomer(q, needs, { email: input.email, password_hash })
    await openAccounts(q, customer.id)
    const key = await createKey(q, needs, { customer_id: customer.id, kind: "system", name: "System Token" })
    q.afterCommit(() => needs.events.emit("customer-registered", { customer_id: customer.id }))
    return { customer, system_token: key.token }
  })
}
