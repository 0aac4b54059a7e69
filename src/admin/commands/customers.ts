/** The operator's commands for customers, their keys and their credit. */

import { registerCustomer } from "../../account/register/register.ts"
import {
  type Customer,
  findCustomerByEmail,
  getCustomer,
  listCustomers,
  setVipUntil,
  verifyEmail,
} from "../../auth/customers.ts"
import { createKey, listKeys, revokeKey } from "../../auth/keys.ts"
import { assertPassword, hashPassword } from "../../auth/passwords.ts"
import { isMailAddress } from "../../notices/address.ts"
import { DAY_MS } from "../../platform/clock.ts"
import { base32 } from "../../platform/ids.ts"
import { toIso, toIsoOrNull } from "../../platform/schema.ts"
import { getBalances, setFrozen } from "../../wallet/ledger/accounts.ts"
import { thawWallet } from "../../wallet/purchases/debt.ts"
import { toApiCashWallet, toApiWallet } from "../../wallet/status.ts"
import { type Command, type CommandNeeds, integerOf, UsageError } from "../command.ts"
import { type Adjustment, adjustCredit, readAmount, type WalletKind } from "../credit.ts"

const create: Command = {
  name: "customer create",
  summary: "Create a customer; the System Token is shown only now",
  options: { email: "address", "password?": "10 to 128 characters", "credit?": "USD" },
  async run(needs, values) {
    const email = values.email!
    const { credit } = values
    if (!isMailAddress(email.trim())) throw new UsageError(`--email must be an e-mail address, not ${email}`)
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

const adjust = (
  direction: Adjustment["direction"],
  { wallet, summary }: { wallet: WalletKind; summary: string },
): Command => ({
  name: `customer ${wallet === "cash" ? "cash-" : ""}${direction}`,
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
      wallet,
      ...(id !== undefined && { id }),
    })
    return { ...(await toOutput(needs, customer)), transferId: transfer_id }
  },
})

const freeze = (verb: "freeze" | "thaw"): Command => ({
  name: `customer ${verb}`,
  summary:
    verb === "freeze"
      ? "Stop spending from a customer's Token Wallet; what runs is still charged, credit still comes in"
      : "Let a customer's Token Wallet be spent again; what is owed meanwhile is taken from it first",
  options: { customer: "id or e-mail" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    await needs.store.tx(q =>
      verb === "freeze" ? setFrozen(q, customer.id, true) : thawWallet(q, needs, customer.id),
    )
    return toOutput(needs, customer)
  },
})

const setVerified: Command = {
  name: "customer verify-email",
  summary: "Take a customer's e-mail address for proven, without a mailed code",
  options: { customer: "id or e-mail" },
  async run(needs, values) {
    const { id, email } = await findCustomer(needs, values.customer!)
    await needs.store.tx(async q => {
      const is_new = await verifyEmail(q, { id, email, verified_at: needs.clock.now() })
      if (is_new) q.afterCommit(() => needs.events.emit("email-verified", { customer_id: id }))
    })
    return toOutput(needs, await getCustomer(needs.store.read, id))
  },
}

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

const MOST_VIP_DAYS = 3660

const setVip: Command = {
  name: "customer vip",
  summary: "Give VIP Priority for so many days from now; 0 ends it",
  options: { customer: "id or e-mail", days: "number" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const days = integerOf(values, "days", 0)
    if (days > MOST_VIP_DAYS) throw new UsageError(`--days must be 0 to ${MOST_VIP_DAYS}, not ${days}`)
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
  adjust("credit", { wallet: "token", summary: "Give Token Wallet credit, as a transfer with a reason" }),
  adjust("debit", { wallet: "token", summary: "Take Token Wallet credit back, as a transfer with a reason" }),
  adjust("credit", { wallet: "cash", summary: "Give Cash Wallet money, as a transfer with a reason" }),
  adjust("debit", { wallet: "cash", summary: "Take Cash Wallet money back, as a transfer with a reason" }),
  freeze("freeze"),
  freeze("thaw"),
  setStatus("suspend", "suspended"),
  setStatus("activate", "active"),
  setVerified,
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
  const balances = await getBalances(needs.store.read, customer.id)
  const { balanceUsd, heldUsd, isFrozen } = toApiWallet(balances)
  return {
    id: customer.id,
    email: customer.email,
    status: customer.status,
    balanceUsd,
    heldUsd,
    cashUsd: toApiCashWallet(balances).balanceUsd,
    isFrozen,
    emailVerifiedAt: toIsoOrNull(customer.email_verified_at),
    createdAt: toIso(customer.created_at),
  }
}
