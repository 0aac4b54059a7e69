/** Referrals: the code by which a customer brings others, and who brought whom. */
import { mailboxOf } from "../../auth/mailbox.ts"
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import { base32, type Random } from "../../platform/ids.ts"
import type { Query, Store, TxQuery } from "../../platform/store.ts"

/** A public name, not a secret: long enough that nobody meets one by chance. */
const CODE_LENGTH = 10

/** The code as it is stored, whatever a person made of it: Crockford's letters that look alike are the same. */
export const normaliseReferralCode = (code: string): string =>
  code.toUpperCase().replace(/[\s-]/g, "").replace(/[IL]/g, "1").replaceAll("O", "0")

interface CodeNeeds {
  store: Store
  clock: Clock
  random: Random
}

const FIND_CODE = "SELECT code FROM referral_code WHERE customer_id = ?"
const INSERT_CODE = `INSERT INTO referral_code (customer_id, code, created_at) VALUES (?, ?, ?)
  ON CONFLICT DO NOTHING`

const findCode = async (q: Query, customer_id: string): Promise<string | undefined> =>
  (await q.get<{ code: string }>(FIND_CODE, customer_id))?.code

/** The customer's own code, made on first use; it never changes. */
export async function getReferralCode(needs: CodeNeeds, customer_id: string): Promise<string> {
  return (
    (await findCode(needs.store.read, customer_id)) ?? needs.store.tx(q => makeCode(q, needs, customer_id))
  )
}

async function makeCode(q: TxQuery, needs: CodeNeeds, customer_id: string): Promise<string> {
  for (;;) {
    // Another request may have made one; another customer may have this one.
    const code = base32(needs.random(7)).slice(0, CODE_LENGTH).toUpperCase()
    await q.run(INSERT_CODE, customer_id, code, needs.clock.now())
    const made = await findCode(q, customer_id)
    if (made !== undefined) return made
  }
}

/** Who brought the owner of a code, and who brought them, the owner first. */
const CHAIN = `WITH RECURSIVE chain (customer_id, depth) AS (
    SELECT customer_id, 1 FROM referral_code WHERE code = ?
    UNION ALL SELECT r.referrer_id, depth + 1 FROM chain JOIN referral r ON r.customer_id = chain.customer_id
      WHERE depth < 32)
  SELECT c.id, c.email, c.status FROM chain JOIN customer c ON c.id = chain.customer_id ORDER BY depth`
const INSERT = `INSERT INTO referral (customer_id, referrer_id, created_at) VALUES (?, ?, ?)
  ON CONFLICT (customer_id) DO NOTHING`

/**
 * Notes at registration whose code brought a customer; who was brought once stays brought by the same. Nobody brings
 * themselves: nothing is noted when the code, or that of whoever brought its owner, is of the same mailbox. That is not
 * told, or anyone could ask whose code it is. Throws `unprocessable` `unknown_referral_code` naming `referralCode`.
 */
export async function recordReferral(
  q: TxQuery,
  needs: { clock: Clock },
  brought: { customer_id: string; email: string; code: string },
): Promise<void> {
  const chain = await q.all<{ id: string; email: string; status: string }>(
    CHAIN,
    normaliseReferralCode(brought.code),
  )
  const [referrer] = chain
  if (referrer?.status !== "active") {
    throw new AppError(
      "unprocessable",
      "There is no such referral code: check the link that brought you, or leave referralCode out.",
      { code: "unknown_referral_code", field: "referralCode" },
    )
  }
  const mailbox = mailboxOf(brought.email)
  if (chain.some(({ id, email }) => id === brought.customer_id || mailboxOf(email) === mailbox)) return
  await q.run(INSERT, brought.customer_id, referrer.id, needs.clock.now())
}
