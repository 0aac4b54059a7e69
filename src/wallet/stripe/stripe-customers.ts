/** Our customers at Stripe: one there for each of ours and each mode. */
import type { Clock } from "../../platform/clock.ts"
import type { Store } from "../../platform/store.ts"
import { isMissing, type StripeAccount } from "./account.ts"

const FIND = "SELECT id FROM stripe_customer WHERE customer_id = ? AND is_live = ?"

/** The customer's id at Stripe; makes one at the first call. Two calls at once get the same, by Stripe's idempotency key. */
export async function ensureStripeCustomer(
  needs: { store: Store; clock: Clock },
  account: StripeAccount,
  customer_id: string,
): Promise<string> {
  const is_live = account.is_live ? 1 : 0
  const known = await needs.store.read.get<{ id: string }>(FIND, customer_id, is_live)
  if (known && (await isUsable(account, known.id))) return known.id
  const row = await needs.store.read.get<{ email: string }>(
    "SELECT email FROM customer WHERE id = ?",
    customer_id,
  )
  const attempt = known ? `:after:${known.id}` : ""
  // Stripe refuses a key that comes with other parameters: the address may change after an answer that was lost.
  const email_hash = new Bun.CryptoHasher("sha256")
    .update(row?.email ?? "")
    .digest("hex")
    .slice(0, 32)
  const created = await account.api.customers.create(
    { ...(row && { email: row.email }), metadata: { customer_id } },
    { idempotencyKey: `customer:${customer_id}${attempt}:${email_hash}` },
  )
  return needs.store.tx(async q => {
    if (known) await q.run("DELETE FROM stripe_customer WHERE id = ?", known.id)
    await q.run(
      "INSERT INTO stripe_customer (id, customer_id, is_live, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      created.id,
      customer_id,
      is_live,
      needs.clock.now(),
    )
    return (await q.get<{ id: string }>(FIND, customer_id, is_live))!.id
  })
}

/**
 * The demo forgets its customers when it restarts, and its place may be taken by Stripe's test mode, which never knew
 * them; live ones are only ever deleted by the operator.
 */
async function isUsable(account: StripeAccount, id: string): Promise<boolean> {
  if (account.is_live) return true
  return account.api.customers.retrieve(id).then(
    customer => customer.deleted !== true,
    error => (isMissing(error) ? false : Promise.reject(error)),
  )
}
