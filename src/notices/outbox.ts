/** The outbox: mail that waits, is sent once, and is never sent twice by itself, whatever dies; not how it is sent. */
import { MINUTE_MS } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import { describeError, type Log } from "../platform/log.ts"
import type { Query, Store, TxQuery } from "../platform/store.ts"
import type { NoticeNeeds } from "./notify.ts"

export const MAIL_STATES = ["queued", "sending", "sent", "failed", "unknown"] as const
export type MailState = (typeof MAIL_STATES)[number]

/** What is handed to the mail server; `id` makes the Message-ID, the same in every try. */
export interface Outgoing {
  id: string
  recipient: string
  subject: string
  body: string
}

/** Sends one mail. Throws `MailFailure`; any other error counts as `unknown`. */
export type SendMail = (mail: Outgoing) => Promise<void>

/** Why a mail did not go: `temporary` and `permanent` were certainly not accepted, `unknown` may have been. */
export class MailFailure extends Error {
  override readonly name = "MailFailure"
  constructor(
    readonly fate: "temporary" | "permanent" | "unknown",
    message: string,
  ) {
    super(message)
  }
}

export interface OutboxNeeds extends NoticeNeeds {
  store: Store
  boot_id: string
  log: Log
  sendMail: SendMail
}

/** After each temporary refusal: eight tries within a day. */
const RETRY_DELAYS_MS = [1, 5, 15, 60, 180, 360, 720].map(minutes => minutes * MINUTE_MS)
const CONCURRENCY = 4
/** A pass takes nothing new after this, so that a shutdown waits for the mail under way and not for the queue. */
const PASS_MS = 5_000
const LONGEST_FAILURE = 500

/**
 * One pass: what another run left in `sending` becomes `unknown`, then due mail is sent, a few at a time. Gives how
 * many were sent. Passes that overlap share the work: each row is taken once.
 */
export async function deliverOutbox(needs: OutboxNeeds): Promise<number> {
  await endInterrupted(needs)
  const until = needs.clock.now() + PASS_MS
  const counts = await Promise.all(Array.from({ length: CONCURRENCY }, () => deliverDue(needs, until)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function deliverDue(needs: OutboxNeeds, until: number): Promise<number> {
  let sent_count = 0
  do {
    const mail = await takeMail(needs)
    if (mail === undefined) break
    const outcome = await send(needs, mail)
    await recordOutcome(needs, mail, outcome)
    if (outcome.state === "sent") sent_count++
  } while (needs.clock.now() < until)
  return sent_count
}

/** The first list of states is that of the partial index `mail_outbox_open`, which SQLite uses only when told so. */
const OPEN = "state IN ('queued', 'sending')"

const END_INTERRUPTED = `UPDATE mail_outbox SET state = 'unknown', failure = ?
  WHERE ${OPEN} AND state = 'sending' AND boot_id IS NOT ? RETURNING id`

/** Mail of a run that died may have arrived: sending it again is the operator's decision. */
const endInterrupted = ({ store, events, boot_id }: OutboxNeeds): Promise<void> =>
  store.tx(async q => {
    const failure = "The server stopped while it sent this. It may have arrived."
    for (const { id: mail_id } of await q.all<{ id: string }>(END_INTERRUPTED, failure, boot_id)) {
      q.afterCommit(() => events.emit("mail-failed", { mail_id, state: "unknown" }))
    }
  })

interface TakenMail extends Outgoing {
  attempt_count: number
}

const TAKE = `UPDATE mail_outbox SET state = 'sending', boot_id = ?, attempt_count = attempt_count + 1
  WHERE id = (SELECT id FROM mail_outbox WHERE ${OPEN} AND state = 'queued' AND next_attempt_at <= ?
              ORDER BY next_attempt_at LIMIT 1)
  RETURNING id, recipient, subject, body, attempt_count`

/** Makes the next due mail this run's own, durably, before anyone is spoken to. */
const takeMail = ({ store, clock, boot_id }: OutboxNeeds): Promise<TakenMail | undefined> =>
  store.tx(q => q.get<TakenMail>(TAKE, boot_id, clock.now()))

type Outcome =
  | { state: "sent" }
  | { state: "queued"; failure: string; delay_ms: number }
  | { state: "failed" | "unknown"; failure: string }

/** Never throws: whatever goes wrong has its place in the row. */
async function send(needs: OutboxNeeds, mail: TakenMail): Promise<Outcome> {
  const { attempt_count, ...outgoing } = mail
  try {
    await needs.sendMail(outgoing)
    return { state: "sent" }
  } catch (error) {
    if (!(error instanceof MailFailure)) {
      needs.log.error("sending mail failed by a bug", { mail_id: mail.id, ...describeError(error) })
      return { state: "unknown", failure: toFailureText(error) }
    }
    const failure = toFailureText(error)
    if (error.fate === "unknown") return { state: "unknown", failure }
    const delay_ms = RETRY_DELAYS_MS[attempt_count - 1]
    if (error.fate === "permanent" || delay_ms === undefined) return { state: "failed", failure }
    return { state: "queued", failure, delay_ms }
  }
}

const toFailureText = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_FAILURE)

const OWN = "WHERE id = ? AND state = 'sending' AND boot_id = ?"
// What has arrived is not kept: the inbox has the notices, and codes are nobody else's to read.
const SENT = `UPDATE mail_outbox SET state = 'sent', sent_at = ?, failure = NULL, body = '' ${OWN}`
const PUT_OFF = `UPDATE mail_outbox SET state = 'queued', failure = ?, next_attempt_at = ? ${OWN}`
const ENDED = `UPDATE mail_outbox SET state = ?, failure = ? ${OWN}`

async function recordOutcome(needs: OutboxNeeds, mail: TakenMail, outcome: Outcome): Promise<void> {
  const { store, boot_id, events } = needs
  const mail_id = mail.id
  const now = needs.clock.now()
  await store.tx(async q => {
    switch (outcome.state) {
      case "sent":
        if ((await q.run(SENT, now, mail_id, boot_id)) === 1)
          q.afterCommit(() => events.emit("mail-sent", { mail_id }))
        return
      case "queued":
        await q.run(PUT_OFF, outcome.failure, now + outcome.delay_ms, mail_id, boot_id)
        return
      case "failed":
      case "unknown":
        if ((await q.run(ENDED, outcome.state, outcome.failure, mail_id, boot_id)) === 1)
          q.afterCommit(() => events.emit("mail-failed", { mail_id, state: outcome.state }))
    }
  })
}

/** A row of the outbox without its body, for the operator. */
export interface Mail {
  id: string
  customer_id: string
  recipient: string
  subject: string
  state: MailState
  attempt_count: number
  next_attempt_at: number
  failure: string | null
  created_at: number
  sent_at: number | null
}

/** Newest first. */
export const listMail = (q: Query, page: { state: MailState | null; limit: number }): Promise<Mail[]> =>
  q.all<Mail>(
    `SELECT id, customer_id, recipient, subject, state, attempt_count, next_attempt_at, failure, created_at,
            sent_at
     FROM mail_outbox WHERE ? IS NULL OR state = ? ORDER BY id DESC LIMIT ?`,
    page.state,
    page.state,
    page.limit,
  )

const RETRY = `UPDATE mail_outbox SET state = 'queued', attempt_count = 0, next_attempt_at = ?, failure = NULL
  WHERE id = ? AND state IN ('failed', 'unknown')`

/**
 * Queues mail that failed, or may have, once more from its first try. Throws `not_found`, and `conflict` for mail in
 * any other state, which a repeat meets too.
 */
export async function retryMail(q: TxQuery, now: number, id: string): Promise<void> {
  if ((await q.run(RETRY, now, id)) === 1) return
  const mail = await q.get<{ state: MailState }>("SELECT state FROM mail_outbox WHERE id = ?", id)
  if (!mail) throw new AppError("not_found", `There is no mail ${id}. \`mail list\` shows their ids.`)
  throw new AppError("conflict", `Only failed and unknown mail can be sent again; ${id} is ${mail.state}.`)
}
