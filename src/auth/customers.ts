/** Customers as identities: creating them and checking their password; their pages are in account/. */
import type { Clock } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import type { NewId } from "../platform/ids.ts"
import type { Query, Store, TxQuery } from "../platform/store.ts"
import { verifyPassword } from "./passwords.ts"

export interface Customer {
  id: string
  email: string
  status: "active" | "suspended"
  /** Since when the address is known to be the customer's; null while it is not. */
  email_verified_at: number | null
  created_at: number
}

const COLUMNS = "id, email, status, email_verified_at, created_at"

/** Inserts a customer. Throws `conflict` when the e-mail address is taken. */
export async function createCustomer(
  q: TxQuery,
  needs: { newId: NewId; clock: Clock },
  input: { email: string; password_hash: string },
): Promise<Customer> {
  const customer: Customer = {
    id: needs.newId("cus"),
    email: normaliseEmail(input.email),
    status: "active",
    email_verified_at: null,
    created_at: needs.clock.now(),
  }
  const inserted = await q.run(
    `INSERT INTO customer (id, email, password_hash, status, created_at) VALUES (?, ?, ?, 'active', ?)
     ON CONFLICT (email) DO NOTHING`,
    customer.id,
    customer.email,
    input.password_hash,
    customer.created_at,
  )
  if (inserted === 0) throw emailTaken("This e-mail address has an account. Sign in instead.")
  return customer
}

const emailTaken = (message: string) =>
  new AppError("conflict", message, { code: "email_taken", field: "email" })

/** Throws `conflict` when another customer has this e-mail address. */
export async function assertEmailFree(q: Query, customer: { id: string; email: string }): Promise<void> {
  const taken = await q.get(
    "SELECT 1 AS found FROM customer WHERE email = ? AND id <> ?",
    normaliseEmail(customer.email),
    customer.id,
  )
  if (taken) throw emailTaken("This e-mail address belongs to another account: give another one.")
}

/**
 * Changes a customer's e-mail address; `email_verified_at` null leaves it to be proven. Gives the customer as it is
 * then. Throws `conflict` when the address is taken, `not_found` for an unknown id.
 */
export async function setEmail(
  q: TxQuery,
  customer: Pick<Customer, "id" | "email" | "email_verified_at">,
): Promise<Customer> {
  await assertEmailFree(q, customer)
  await q.run(
    "UPDATE customer SET email = ?, email_verified_at = ? WHERE id = ?",
    normaliseEmail(customer.email),
    customer.email_verified_at,
    customer.id,
  )
  return getCustomer(q, customer.id)
}

const VERIFY =
  "UPDATE customer SET email_verified_at = ? WHERE id = ? AND email = ? AND email_verified_at IS NULL"

/** Takes an address for proven. False when it was before, or when the customer has another one by now. */
export const verifyEmail = async (
  q: TxQuery,
  customer: { id: string; email: string; verified_at: number },
): Promise<boolean> => (await q.run(VERIFY, customer.verified_at, customer.id, customer.email)) === 1

/** Throws `not_found` for an unknown id. */
export async function getCustomer(q: Query, id: string): Promise<Customer> {
  const customer = await q.get<Customer>(`SELECT ${COLUMNS} FROM customer WHERE id = ?`, id)
  if (!customer) throw new AppError("not_found", `There is no customer ${id}.`)
  return customer
}

export const findCustomerByEmail = (q: Query, email: string): Promise<Customer | undefined> =>
  q.get<Customer>(`SELECT ${COLUMNS} FROM customer WHERE email = ?`, normaliseEmail(email))

/** Customers in the order they came, for the operator. */
export const listCustomers = (q: Query, page: { limit: number; after: string }): Promise<Customer[]> =>
  q.all<Customer>(`SELECT ${COLUMNS} FROM customer WHERE id > ? ORDER BY id LIMIT ?`, page.after, page.limit)

/** VIP Priority until then; null ends it. */
export const setVipUntil = (q: TxQuery, customer_id: string, vip_until: number | null): Promise<number> =>
  q.run("UPDATE customer SET vip_until = ? WHERE id = ?", vip_until, customer_id)

/** The active customer with this e-mail address and password, or `undefined`; both cases take the same time. */
export async function checkPassword(
  needs: { store: Store },
  input: { email: string; password: string },
): Promise<Customer | undefined> {
  const row = await needs.store.read.get<Customer & { password_hash: string }>(
    `SELECT ${COLUMNS}, password_hash FROM customer WHERE email = ? AND status = 'active'`,
    normaliseEmail(input.email),
  )
  const isRight = await verifyPassword(input.password, row?.password_hash)
  if (!row || !isRight) return undefined
  const { password_hash: _, ...customer } = row
  return customer
}

export const normaliseEmail = (email: string): string => email.trim().toLowerCase()
