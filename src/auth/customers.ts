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
  created_at: number
}

const COLUMNS = "id, email, status, created_at"

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
  if (inserted === 0) {
    throw new AppError("conflict", "This e-mail address has an account. Sign in instead.", {
      code: "email_taken",
      field: "email",
    })
  }
  return customer
}

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
