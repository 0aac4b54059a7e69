/** Telling a customer something: a message in the inbox, and the same as mail where mail works and the address is proven. */
import { type Customer, getCustomer } from "../auth/customers.ts"
import type { Clock } from "../platform/clock.ts"
import type { Config } from "../platform/config.ts"
import { AppError } from "../platform/errors.ts"
import type { Events } from "../platform/events.ts"
import type { NewId } from "../platform/ids.ts"
import type { TxQuery } from "../platform/store.ts"
import { isMailAddress } from "./address.ts"

export interface NoticeNeeds {
  newId: NewId
  clock: Clock
  events: Events
  config: Pick<Config, "mail">
}

export interface Notice {
  customer_id: string
  kind: "receipt" | "low-balance" | "auto-topup" | "refund" | "dispute" | "reward" | "announcement"
  /** States the rule, e.g. `receipt:<purchase>`: the same notice is written once. */
  key: string
  /** One line; line breaks become blanks. */
  subject: string
  /** Plain text. */
  body: string
}

/** Mail to one recipient. */
export interface NewMail {
  customer_id: string
  recipient: string
  subject: string
  body: string
}

const INSERT_MESSAGE = `INSERT INTO inbox_message (id, customer_id, kind, key, subject, body, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`

const INSERT_MAIL = `INSERT INTO mail_outbox
  (id, message_id, customer_id, recipient, subject, body, state, attempt_count, next_attempt_at, created_at)
  VALUES (?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?)`

/**
 * Writes an inbox message, and its mail for a proven address when mail is configured, in the caller's transaction: both
 * stand with what they tell of, or neither does. False when the key was written before; then nothing changes.
 */
export async function notify(q: TxQuery, needs: NoticeNeeds, notice: Notice): Promise<boolean> {
  const { customer_id, kind, key, body } = notice
  const message_id = needs.newId("msg")
  const now = needs.clock.now()
  const subject = toOneLine(notice.subject)
  const written = await q.run(INSERT_MESSAGE, message_id, customer_id, kind, key, subject, body, now)
  if (written === 0) return false
  q.afterCommit(() => needs.events.emit("notice-written", { customer_id, message_id, kind }))
  const customer = await getCustomer(q, customer_id)
  if (isMailed(needs, customer)) {
    const mail = { customer_id, recipient: customer.email, subject, body, message_id, due_at: now }
    await insertMail(q, needs, mail)
  }
  return true
}

/** Whether a customer's notices are mailed: an address that nobody has proven may be a stranger's. */
export const isMailed = (needs: Pick<NoticeNeeds, "config">, customer: Customer): boolean =>
  needs.config.mail !== undefined && customer.email_verified_at !== null

/**
 * Queues mail that has no inbox message, such as the code that proves an address; it goes before every notice, because someone waits for it.
 * False when mail is not configured. Throws `unprocessable` for a recipient that is not one plain address.
 */
export async function enqueueMail(q: TxQuery, needs: NoticeNeeds, mail: NewMail): Promise<boolean> {
  if (needs.config.mail === undefined) return false
  if (!isMailAddress(mail.recipient)) {
    throw new AppError("unprocessable", "Mail cannot be sent to this e-mail address: give another one.", {
      code: "invalid_email",
      field: "email",
    })
  }
  await insertMail(q, needs, { ...mail, subject: toOneLine(mail.subject), message_id: null, due_at: 0 })
  return true
}

interface QueuedMail extends NewMail {
  message_id: string | null
  due_at: number
}

const insertMail = (q: TxQuery, needs: NoticeNeeds, mail: QueuedMail): Promise<number> =>
  q.run(
    INSERT_MAIL,
    needs.newId("mail"),
    mail.message_id,
    mail.customer_id,
    mail.recipient,
    mail.subject,
    mail.body,
    mail.due_at,
    needs.clock.now(),
  )

/** A subject with a line break could begin headers of its own. */
export const toOneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, " ").trim()
