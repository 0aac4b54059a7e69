/** Bonus codes at a purchase: what one adds, and that it is used no more often than its limits; making them is in code-book.ts. */
import { AppError } from "../../platform/errors.ts"
import { toIso } from "../../platform/schema.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { centsToNanos, formatUsd, minNanos, type Nanos, toNanos } from "../ledger/nanos.ts"
import { type BonusCode, findCode, formatCode } from "./code-book.ts"
import type { PackageOffer } from "./packages.ts"

/** What a code adds to one purchase. */
export interface CodeBonus {
  /** As it is stored: upper case, without dashes. */
  code: string
  /** Which use of this customer it is, from 1; no two uses that stand share one. */
  number: number
  percent: number
  /** Rounded down, at most the code's limit; 0 when the package gives next to nothing. */
  bonus_nanos: Nanos
  expires_at: number | null
}

/** Who shows a code; it is read without regard to case, dashes and blanks. */
export interface CodeAsked {
  code: string
  customer_id: string
}

export interface CodeTerms {
  code: BonusCode
  /** How often this customer may still use it, within both limits. */
  left_count: number
}

/**
 * The terms of a code that this customer can use now. Throws `unprocessable`, field `code`: `code_unknown` (also
 * another customer's), `code_not_started`, `code_expired`, `code_used` (by this customer), `code_exhausted` (by all).
 */
export async function getCodeTerms(q: Query, now: number, asked: CodeAsked): Promise<CodeTerms> {
  const code = await findCode(q, asked.code)
  // The same words as for no code at all: whose it is, and that there is one, is not told.
  if (!code || (code.customer_id !== null && code.customer_id !== asked.customer_id)) {
    throw refusal("code_unknown", "There is no such code for you: check it for typing errors.")
  }
  const name = formatCode(code.code)
  if (now < code.starts_at) {
    throw refusal("code_not_started", `${name} can be used from ${toIso(code.starts_at)} on.`)
  }
  if (!code.is_enabled || (code.expires_at !== null && now >= code.expires_at)) {
    throw refusal("code_expired", `${name} is no longer valid. You can buy without a code.`)
  }
  const used = await countUses(q, asked.customer_id, code.code)
  const own_left = code.max_use_count_per_customer - used.own
  const all_left = (code.max_use_count ?? Number.POSITIVE_INFINITY) - used.all
  if (own_left <= 0) {
    const why = "An open checkout counts until it is paid or has ended."
    throw refusal("code_used", `You have used ${name} as often as you may. ${why}`)
  }
  if (all_left <= 0) throw refusal("code_exhausted", `${name} has been used as often as it may be.`)
  return { code, left_count: Math.min(own_left, all_left) }
}

/** What a code adds to a package. Throws what `getCodeTerms` throws, and `code_below_minimum`. */
export async function previewCode(
  q: Query,
  now: number,
  asked: CodeAsked & { offer: PackageOffer },
): Promise<CodeBonus> {
  const { code } = await getCodeTerms(q, now, asked)
  if (asked.offer.price_cents < code.min_price_cents) {
    const least = formatUsd(centsToNanos(code.min_price_cents))
    throw refusal(
      "code_below_minimum",
      `${formatCode(code.code)} is for packages from $${least}: choose a larger one.`,
    )
  }
  return {
    code: code.code,
    number: await nextNumber(q, asked.customer_id, code.code),
    percent: code.percent,
    bonus_nanos: bonusOf(code, asked.offer.credit_nanos),
    expires_at: code.expires_at,
  }
}

/**
 * The same, and takes one use for a purchase: in the transaction that writes the purchase, after its row. Jobs of the
 * one writer run one after the other, so what is counted here cannot change before it is committed.
 */
export async function takeCode(
  q: TxQuery,
  now: number,
  taken: CodeAsked & { offer: PackageOffer; purchase_id: string },
): Promise<CodeBonus> {
  const bonus = await previewCode(q, now, taken)
  await q.run(
    "INSERT INTO code_use (code, customer_id, number, purchase_id, created_at) VALUES (?, ?, ?, ?, ?)",
    bonus.code,
    taken.customer_id,
    bonus.number,
    taken.purchase_id,
    now,
  )
  return bonus
}

/** Frees the use of a purchase that ended unpaid. The use of a paid one stands for ever; a repeat changes nothing. */
export async function giveCodeBack(q: TxQuery, purchase_id: string): Promise<void> {
  await q.run(
    `DELETE FROM code_use WHERE purchase_id = ?1
       AND NOT EXISTS (SELECT 1 FROM purchase WHERE id = ?1 AND state = 'paid')`,
    purchase_id,
  )
}

/** One use of a code, as its purchase holds it. */
export interface CodeUse {
  code: string
  customer_id: string
  number: number
}

/** The transfer id of a use: `code:<code>:<customer>`, and `…:<number>` from the second on. */
export const codeTransferId = ({ code, customer_id, number }: CodeUse): string =>
  `code:${code}:${customer_id}${number === 1 ? "" : `:${number}`}`

/** Percent of the credit in bigint: no float, never above the limit. */
function bonusOf(code: BonusCode, credit_nanos: Nanos): Nanos {
  const bonus_nanos = toNanos((BigInt(credit_nanos) * BigInt(code.percent)) / 100n)
  return code.max_bonus_nanos === null ? bonus_nanos : minNanos(bonus_nanos, code.max_bonus_nanos)
}

async function countUses(q: Query, customer_id: string, code: string): Promise<{ own: number; all: number }> {
  const row = await q.get<{ own: number; all_uses: number }>(
    "SELECT count(*) AS all_uses, count(*) FILTER (WHERE customer_id = ?2) AS own FROM code_use WHERE code = ?1",
    code,
    customer_id,
  )
  return { own: row!.own, all: row!.all_uses }
}

/**
 * Above every use that stands. Uses of paid purchases are never deleted, so a number that was posted under never comes
 * again; one that was given back may, because nothing was posted under it.
 */
async function nextNumber(q: Query, customer_id: string, code: string): Promise<number> {
  const row = await q.get<{ number: number }>(
    "SELECT coalesce(max(number), 0) + 1 AS number FROM code_use WHERE code = ? AND customer_id = ?",
    code,
    customer_id,
  )
  return row!.number
}

const refusal = (code: string, message: string) =>
  new AppError("unprocessable", message, { code, field: "code" })
