/** The operator's commands for customers, their keys and their credit. */

import { registerCustomer } from "../../account/register/register.ts"
import {
  type Customer,
  findCustomerByEmail,
  getCustomer,
  listCustomers,
  setVipUntil,
} from "../../auth/customers.ts"
import { createKey, listKeys, revokeKey } from "../../auth/keys.ts"
import { assertPassword, hashPassword } from "../../auth/passwords.ts"
import { base32 } from "../../platform/ids.ts"
import { toIso, toIsoOrNull } from "../../platform/schema.ts"
import { getBalances } from "../../wallet/ledger/accounts.ts"
import { toApiWallet } from "../../wallet/status.ts"
import { type Command, type CommandNeeds, integerOf, UsageError } from "../command.ts"
import { adjustCredit, readAmount } from "../credit.ts"

const create: Command = {
  name: "customer create",
  summary: "Create a customer; the System Token is shown only now",
  options: { email: "address", "password?": "10 to 128 characters", "credit?": "USD" },
  async run(needs, values) {
    const { email, credit } = values
    if (!email?.includes("@")) throw new UsageError(`--email must be an e-mail address, not ${email}`)
    // Before anything is made: a customer cannot be created again with the right amount.
    if (credit !== undefined) readAmount(credit)
    // Without a password the customer has the token only, until the operator or a mailed link sets one.
    const password = values.password ?? base32(needs.random(20))
    const { customer, system_token } = await registerCustomer(needs, { email, password })
    if (credit !== undefined) {
      await adjustCredit(needs, {
        customer_id: customer.id,
        amount: credit,
        reason: "credit at creation",
        direction: "credit",
      })
    }
    return { ...(await toOutput(needs, customer)), systemToken: system_token }
  },
}

const list: Command = {
  name: "customer list",
  summary: "Customers in the order they came",
  options: { "limit?": "rows", "after?": "customer id" },
  async run(needs, values) {
    const page = { limit: integerOf(values, "limit", 100), after: values.after ?? "" }
    const customers = await listCustomers(needs.store.read, page)
    return Promise.all(customers.map(customer => toOutput(needs, customer)))
  },
}

const adjust = (direction: "credit" | "debit", summary: string): Command => ({
  name: `customer ${direction}`,
  summary,
  options: { customer: "id or e-mail", amount: "USD", reason: "text", "id?": "makes a repeat harmless" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const { amount, reason, id } = values
    const transfer_id = await adjustCredit(needs, {
      customer_id: customer.id,
      amount: amount!,
      reason: reason!,
      direction,
      ...(id !== undefined && { id }),
    })
    return { ...(await toOutput(needs, customer)), transferId: transfer_id }
  },
})

const setStatus = (verb: "suspend" | "activate", status: Customer["status"]): Command => ({
  name: `customer ${verb}`,
  summary:
    verb === "suspend" ? "Refuse every key of a customer at once" : "Accept a suspended customer again",
  options: { customer: "id or e-mail" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    await needs.store.tx(q => q.run("UPDATE customer SET status = ? WHERE id = ?", status, customer.id))
    return toOutput(needs, { ...customer, status })
  },
})

const setPassword: Command = {
  name: "customer password",
  summary: "Set a customer's password",
  options: { customer: "id or e-mail", password: "10 to 128 characters" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    assertPassword(values.password!)
    const hash = await hashPassword(values.password!)
    await needs.store.tx(q => q.run("UPDATE customer SET password_hash = ? WHERE id = ?", hash, customer.id))
    return toOutput(needs, customer)
  },
}

const DAY_MS = 86_400_000

const setVip: Command = {
  name: "customer vip",
  summary: "Give VIP Priority for so many days from now; 0 ends it",
  options: { customer: "id or e-mail", days: "number" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const days = integerOf(values, "days", 0)
    const vip_until = days === 0 ? null : needs.clock.now() + days * DAY_MS
    await needs.store.tx(q => setVipUntil(q, customer.id, vip_until))
    return { ...(await toOutput(needs, customer)), vipUntil: toIsoOrNull(vip_until) }
  },
}

const createCustomerKey: Command = {
  name: "key create",
  summary: "Create a User API Key; it is shown only now",
  options: { customer: "id or e-mail", name: "text" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const key = await needs.store.tx(async q => {
      const created = await createKey(q, needs, {
        customer_id: customer.id,
        kind: "user",
        name: values.name!,
      })
      q.afterCommit(() => needs.events.emit("key-created", { customer_id: customer.id, key_id: created.id }))
      return created
    })
    return { id: key.id, customerId: customer.id, name: values.name, key: key.token }
  },
}

const listCustomerKeys: Command = {
  name: "key list",
  summary: "A customer's keys",
  options: { customer: "id or e-mail" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const keys = await listKeys(needs.store.read, { customer_id: customer.id, limit: 200, before: undefined })
    return keys.map(({ id, kind, name, hint, expires_at, created_at }) => ({
      id,
      kind,
      name,
      hint,
      expiresAt: toIsoOrNull(expires_at),
      createdAt: toIso(created_at),
    }))
  },
}

const revokeCustomerKey: Command = {
  name: "key revoke",
  summary: "Revoke a User API Key",
  options: { customer: "id or e-mail", key: "id" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const key = { customer_id: customer.id, key_id: values.key! }
    await needs.store.tx(async q => {
      await revokeKey(q, needs, key)
      q.afterCommit(() => needs.events.emit("key-revoked", key))
    })
    return { id: values.key, revoked: true }
  },
}

export const customerCommands: readonly Command[] = [
  create,
  list,
  adjust("credit", "Give Token Wallet credit, as a transfer with a reason"),
  adjust("debit", "Take Token Wallet credit back, as a transfer with a reason"),
  setStatus("suspend", "suspended"),
  setStatus("activate", "active"),
  setPassword,
  setVip,
  createCustomerKey,
  listCustomerKeys,
  revokeCustomerKey,
]

/** The customer with this id or e-mail address. Throws UsageError or `not_found`. */
export async function findCustomer(needs: CommandNeeds, id_or_email: string): Promise<Customer> {
  if (!id_or_email.includes("@")) return getCustomer(needs.store.read, id_or_email)
  const customer = await findCustomerByEmail(needs.store.read, id_or_email)
  if (!customer) throw new UsageError(`there is no customer with the e-mail address ${id_or_email}`)
  return customer
}

async function toOutput(needs: CommandNeeds, customer: Customer) {
  const { balanceUsd, heldUsd } = toApiWallet(await getBalances(needs.store.read, customer.id))
  return {
    id: customer.id,
    email: customer.email,
    status: customer.status,
    balanceUsd,
    heldUsd,
    createdAt: toIso(customer.created_at),
  }
}
