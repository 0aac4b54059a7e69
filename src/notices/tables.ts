/** The tables of notices: the customer's inbox, and the mail that leaves through one outbox. */
import { count, id, oneOf, string, table, time } from "../../db/kit.ts"

export const inbox_message = table("inbox_message", {
  id: id(),
  customer_id: string().notNull(),
  /** What it is about: `receipt`, `low-balance`, `auto-topup`, `dispute`, `announcement` … */
  kind: string().notNull(),
  /** States the rule that wrote it, e.g. `receipt:<order>`: the same notice is written once. */
  key: string().notNull().unique(),
  subject: string().notNull(),
  /** Plain text. */
  body: string().notNull(),
  created_at: time().notNull(),
  read_at: time(),
})

export const mail_outbox = table("mail_outbox", {
  id: id(),
  /** The inbox message it repeats; null for mail that has none, such as a code. */
  message_id: string(),
  customer_id: string().notNull(),
  recipient: string().notNull(),
  subject: string().notNull(),
  body: string().notNull(),
  /** `sending` is written before the server is spoken to; what a dead process left there is `unknown` and never sent again. */
  state: oneOf(["queued", "sending", "sent", "failed", "unknown"]).notNull(),
  attempt_count: count().notNull(),
  next_attempt_at: time().notNull(),
  /** Which run of the server sends it. */
  boot_id: string(),
  failure: string(),
  created_at: time().notNull(),
  sent_at: time(),
})
