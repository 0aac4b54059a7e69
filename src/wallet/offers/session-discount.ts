/** The time-boxed top-up discount: a bonus code that a customer asks for, mailed and shown; once in so many days. */

import { getCustomer } from "../../auth/customers.ts"
import type { TurnstileNeeds } from "../../auth/turnstile.ts"
import { isMailed, type NoticeNeeds, notify } from "../../notices/notify.ts"
import { DAY_MS, MINUTE_MS } from "../../platform/clock.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import type { Random } from "../../platform/ids.ts"
import { toIso } from "../../platform/schema.ts"
import type { Query, Store, TxQuery } from "../../platform/store.ts"
import {
  type AbuseNeeds,
  assertHumanClaim,
  assertNoObstacle,
  hashOwnMailbox,
  listPersonal,
  mailboxUsed,
} from "../rewards/anti-abuse.ts"
import {
  createCode,
  findLastSessionCode,
  formatCode,
  type ListedCode,
  wasIssuedToMailbox,
} from "./code-book.ts"
import { getRule, type Rules } from "./rules.ts"

export interface SessionDiscountNeeds extends AbuseNeeds, NoticeNeeds, TurnstileNeeds {
  store: Store
  random: Random
  config: Pick<Config, "mail" | "turnstile">
}

export interface DiscountRequest {
  customer_id: string
  /** The network address that asks. */
  address: string
  turnstile_token: string | undefined
}

export interface SessionDiscount {
  code: ListedCode
  /** False when the code that was issued before is still good and is given again. */
  is_new: boolean
  /** Whether it went out by mail too. */
  is_mailed: boolean
}

/**
 * Issues a code for this customer alone, writes it to the inbox and mails it to a proven address. While it is valid and
 * unused a repeat gives the same one and tells nobody again. Throws `conflict` `session_discount_used` with the time of
 * the next one, `forbidden` when the rule is off or the anti-abuse rule says so, and what `assertHuman` throws.
 */
export async function issueSessionCode(
  needs: SessionDiscountNeeds,
  request: DiscountRequest,
): Promise<SessionDiscount> {
  const { customer_id, address, turnstile_token: token } = request
  const is_mailed = isMailed(needs, await getCustomer(needs.store.read, customer_id))
  const standing = await readStanding(needs.store.read, needs, customer_id)
  if (standing.last) return { code: standing.last, is_new: false, is_mailed }
  await assertHumanClaim(needs.store.read, needs, { token, address })
  return needs.store.tx(async q => {
    // Once more: only here nobody comes in between.
    const { last, terms } = await readStanding(q, needs, customer_id)
    if (last) return { code: last, is_new: false, is_mailed }
    return { code: await issue(q, needs, { customer_id, terms }), is_new: true, is_mailed }
  })
}

type Terms = Rules["session-discount"]

/** What applies to a customer now: the code that is still good, or none, and then one may be issued. */
interface Standing {
  terms: Terms
  last: ListedCode | undefined
}

/** Throws why no code is given. */
async function readStanding(q: Query, needs: SessionDiscountNeeds, customer_id: string): Promise<Standing> {
  const terms = await getRule(q, "session-discount")
  if (!terms.is_enabled) {
    throw new AppError(
      "forbidden",
      "Top-up discounts are not offered at present. You can top up without one.",
      {
        code: "not_offered",
      },
    )
  }
  const now = needs.clock.now()
  const last = await findLastSessionCode(q, customer_id)
  if (last && isGood(last, now)) return { terms, last }
  if (last) assertDue(last, terms, now)
  await assertTrusted(q, needs, { customer_id, terms, now })
  return { terms, last: undefined }
}

const isGood = (code: ListedCode, now: number): boolean =>
  code.is_enabled && code.use_count === 0 && now < code.expires_at!

function assertDue(last: ListedCode, terms: Terms, now: number): void {
  const next_at = last.created_at + terms.every_days * DAY_MS
  if (now >= next_at) return
  throw new AppError(
    "conflict",
    `You had a top-up discount on ${toIso(last.created_at)}. Ask for the next one from ${toIso(next_at)} on.`,
    { code: "session_discount_used", extra: { nextAt: toIso(next_at) } },
  )
}

interface Asking {
  customer_id: string
  terms: Terms
  now: number
}

/** Who registers anew for each top-up, or has our mail sent to strangers, gets none. */
async function assertTrusted(q: Query, needs: SessionDiscountNeeds, asking: Asking): Promise<void> {
  const { customer_id, terms, now } = asking
  const reasons = await listPersonal(q, needs, customer_id)
  const mailbox_hash = await hashOwnMailbox(q, needs, customer_id)
  const since = now - terms.every_days * DAY_MS
  if (await wasIssuedToMailbox(q, { mailbox_hash, customer_id, since }))
    reasons.push(mailboxUsed(`had a discount in the last ${terms.every_days} days: it is given`))
  assertNoObstacle(reasons)
}

async function issue(
  q: TxQuery,
  needs: SessionDiscountNeeds,
  { customer_id, terms }: { customer_id: string; terms: Terms },
): Promise<ListedCode> {
  const now = needs.clock.now()
  const code = await createCode(
    q,
    { random: needs.random, now },
    {
      customer_id,
      mailbox_hash: await hashOwnMailbox(q, needs, customer_id),
      source: "session",
      percent: terms.percent,
      max_bonus_nanos: null,
      min_price_cents: 0,
      max_use_count: 1,
      max_use_count_per_customer: 1,
      starts_at: now,
      expires_at: now + terms.minutes * MINUTE_MS,
    },
  )
  const text = formatCode(code.code)
  await notify(q, needs, {
    customer_id,
    kind: "reward",
    // At least a day lies between two codes, so the day states the rule.
    key: `session-discount:${customer_id}:${toIso(now).slice(0, 10)}`,
    subject: `${terms.percent} % more credit with your next top-up`,
    body: `Your code ${text} adds ${terms.percent} % to one credit pack that you buy before ${toIso(code.expires_at!)}.`,
  })
  q.afterCommit(() => needs.events.emit("code-issued", { customer_id }))
  return { ...code, use_count: 0 }
}
