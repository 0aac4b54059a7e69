/** Creating a customer: identity, System Token and wallet, all or nothing. */
import { type Customer, createCustomer } from "../../auth/customers.ts"
import { createKey } from "../../auth/keys.ts"
import { assertPassword, hashPassword } from "../../auth/passwords.ts"
import type { Vault } from "../../auth/vault.ts"
import type { Clock } from "../../platform/clock.ts"
import type { Events } from "../../platform/events.ts"
import type { NewId, Random } from "../../platform/ids.ts"
import type { Store, TxQuery } from "../../platform/store.ts"
import { openAccounts } from "../../wallet/ledger/accounts.ts"
import { recordReferral } from "../../wallet/rewards/referral.ts"

export interface RegisterNeeds {
  store: Store
  vault: Vault
  random: Random
  newId: NewId
  clock: Clock
  events: Events
}

export interface Registration {
  email: string
  password: string
  /** Of the customer who brought this one. */
  referral_code?: string | undefined
}

/**
 * Throws `conflict` when the address is taken, `invalid` for a password that is too short or too long,
 * `unprocessable` for a referral code that is unknown. One's own counts for nothing.
 */
export async function registerCustomer(needs: RegisterNeeds, input: Registration): Promise<Registered> {
  assertPassword(input.password)
  const password_hash = await hashPassword(input.password)
  return needs.store.tx(q => insertRegistered(q, needs, { ...input, password_hash }))
}

export interface Registered {
  customer: Customer
  system_token: string
}

/** What `registerCustomer` writes, in the caller's transaction, with a password that is checked and hashed. */
export async function insertRegistered(
  q: TxQuery,
  needs: RegisterNeeds,
  input: Omit<Registration, "password"> & { password_hash: string },
): Promise<Registered> {
  const { email, password_hash, referral_code: code } = input
  const customer = await createCustomer(q, needs, { email, password_hash })
  const { id: customer_id } = customer
  await openAccounts(q, customer_id)
  if (code !== undefined) await recordReferral(q, needs, { customer_id, email: customer.email, code })
  const key = await createKey(q, needs, { customer_id, kind: "system", name: "System Token" })
  q.afterCommit(() => needs.events.emit("customer-registered", { customer_id }))
  return { customer, system_token: key.token }
}
