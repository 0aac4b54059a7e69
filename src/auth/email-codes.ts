/** Codes that prove an e-mail address: made, checked and used up here; mailed by account/me. */
import { type Clock, DAY_MS } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import type { Events } from "../platform/events.ts"
import type { Random } from "../platform/ids.ts"
import type { TxQuery } from "../platform/store.ts"
import { type Customer, normaliseEmail, setEmail } from "./customers.ts"
import { hashMailbox } from "./mailbox.ts"
import type { Vault } from "./vault.ts"

export interface EmailCodeNeeds {
  vault: Vault
  random: Random
  clock: Clock
  events: Events
}

/** The address that a customer wants to have. */
export interface EmailClaim {
  customer_id: string
  email: string
}

export const EMAIL_CODE_MINUTES = 15
const LIFETIME_MS = EMAIL_CODE_MINUTES * 60_000
const INTERVAL_MS = 60_000
const LARGEST_FAILURE_COUNT = 5
/** Codes in 24 hours: of one customer, whoever they are sent to, and to one mailbox, whoever asks. */
const LARGEST_DAY_COUNT = 10

/** The newest code of a customer replaces the one before. */
const WRITE = `INSERT INTO email_code (customer_id, email, code_hash, failure_count, expires_at, created_at)
  VALUES (?, ?, ?, 0, ?, ?)
  ON CONFLICT (customer_id) DO UPDATE SET email = excluded.email, code_hash = excluded.code_hash,
    failure_count = 0, expires_at = excluded.expires_at, created_at = excluded.created_at`

/**
 * Makes a code of six digits for an address and gives it, to be mailed in the same transaction. It is good for
 * 15 minutes and five tries. Throws `rate_limited` within a minute of the customer's last one, and when the customer
 * or the mailbox had ten within a day.
 */
export async function issueEmailCode(q: TxQuery, needs: EmailCodeNeeds, claim: EmailClaim): Promise<string> {
  const now = needs.clock.now()
  const past = await q.get<{ created_at: number }>(
    "SELECT created_at FROM email_code WHERE customer_id = ?",
    claim.customer_id,
  )
  const wait_ms = past ? past.created_at + INTERVAL_MS - now : 0
  if (wait_ms > 0) {
    const seconds = Math.ceil(wait_ms / 1000)
    throw new AppError("rate_limited", `A code was mailed a moment ago. Ask for another in ${seconds} s.`, {
      code: "email_code_too_soon",
      retry_after_ms: wait_ms,
    })
  }
  await countIssue(q, needs, claim)
  const code = sixDigits(needs.random)
  const { customer_id } = claim
  const code_hash = hashOf(needs.vault, claim, code)
  await q.run(WRITE, customer_id, normaliseEmail(claim.email), code_hash, now + LIFETIME_MS, now)
  return code
}

const COUNT_ISSUED = "SELECT count(*) AS count, min(created_at) AS first_at FROM email_code_issue"
const ISSUED_BY_CUSTOMER = `${COUNT_ISSUED} WHERE customer_id = ? AND created_at > ?`
const ISSUED_TO_MAILBOX = `${COUNT_ISSUED} WHERE mailbox_hash = ? AND created_at > ?`
/** One that was used up leaves room for another in the same millisecond; it need not be counted twice. */
const INSERT_ISSUE = `INSERT INTO email_code_issue (customer_id, created_at, mailbox_hash) VALUES (?, ?, ?)
  ON CONFLICT DO NOTHING`

/** Strangers are not to be mailed without end, and codes not to be guessed at day and night. */
async function countIssue(q: TxQuery, needs: EmailCodeNeeds, claim: EmailClaim): Promise<void> {
  const now = needs.clock.now()
  const { customer_id } = claim
  const mailbox_hash = hashMailbox(needs, claim.email)
  for (const [sql, whose] of [
    [ISSUED_BY_CUSTOMER, customer_id],
    [ISSUED_TO_MAILBOX, mailbox_hash],
  ] as const) {
    const issued = (await q.get<{ count: number; first_at: number }>(sql, whose, now - DAY_MS))!
    if (issued.count >= LARGEST_DAY_COUNT) throw tooMany(issued.first_at + DAY_MS - now)
  }
  await q.run("DELETE FROM email_code_issue WHERE created_at <= ?", now - DAY_MS)
  await q.run(INSERT_ISSUE, customer_id, now, mailbox_hash)
}

function tooMany(wait_ms: number): AppError {
  const hours = Math.ceil(wait_ms / 3_600_000)
  const message = `${LARGEST_DAY_COUNT} codes were mailed within a day. Ask for another in ${hours} h.`
  return new AppError("rate_limited", message, { code: "too_many_email_codes", retry_after_ms: wait_ms })
}

/** 48 random bits: no digit is likelier than another by more than one in 100 million. */
const sixDigits = (random: Random): string =>
  String(Buffer.from(random(6)).readUIntBE(0, 6) % 1_000_000).padStart(6, "0")

/** A code is good for its customer and address only, and its hash says nothing without the server's secret. */
const hashOf = (vault: Vault, { customer_id, email }: EmailClaim, code: string): string =>
  vault.hash(`email-code ${customer_id} ${normaliseEmail(email)} ${code}`)

const FIND = `SELECT code_hash, failure_count FROM email_code
  WHERE customer_id = ? AND email = ? AND expires_at > ? AND failure_count < ?`

/** How a confirmation ended. A wrong code is counted, so it must not be thrown within the transaction. */
export type Confirmation =
  | { kind: "confirmed"; customer: Customer }
  /** The next ones may be right. */
  | { kind: "wrong"; tries_left: number }
  /** There is no such code (any more): none was made, or it was used, is too old or was guessed at too often. */
  | { kind: "void" }

/**
 * Checks a code and, when it is right, makes the address the customer's, verified, and uses the code up.
 * Throws `conflict` when another customer has taken the address in the meantime.
 */
export async function confirmEmailCode(
  q: TxQuery,
  needs: EmailCodeNeeds,
  claim: EmailClaim & { code: string },
): Promise<Confirmation> {
  const { customer_id } = claim
  const now = needs.clock.now()
  const sent = await q.get<{ code_hash: string; failure_count: number }>(
    FIND,
    customer_id,
    normaliseEmail(claim.email),
    now,
    LARGEST_FAILURE_COUNT,
  )
  if (!sent) return { kind: "void" }
  if (sent.code_hash !== hashOf(needs.vault, claim, claim.code)) {
    await q.run("UPDATE email_code SET failure_count = failure_count + 1 WHERE customer_id = ?", customer_id)
    return { kind: "wrong", tries_left: LARGEST_FAILURE_COUNT - 1 - sent.failure_count }
  }
  await q.run("DELETE FROM email_code WHERE customer_id = ?", customer_id)
  const customer = await setEmail(q, { id: customer_id, email: claim.email, email_verified_at: now })
  q.afterCommit(() => needs.events.emit("email-verified", { customer_id }))
  return { kind: "confirmed", customer }
}
