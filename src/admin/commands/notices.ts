/** The operator's commands for what customers are told: announcements, and the mail that leaves. */
import { listCustomers } from "../../auth/customers.ts"
import { type Announcement, announce } from "../../notices/announcement.ts"
import type { NoticeNeeds } from "../../notices/notify.ts"
import { listMail, MAIL_STATES, retryMail } from "../../notices/outbox.ts"
import { toIso, toIsoOrNull } from "../../platform/schema.ts"
import { type Command, type CommandNeeds, positiveOf, UsageError } from "../command.ts"
import { readChoice } from "../option-values.ts"
import { findCustomer } from "./customers.ts"

type NoticeCommandNeeds = CommandNeeds & NoticeNeeds

const send: Command = {
  name: "message send",
  summary: "Announce something to one customer or to all active ones; each has it once",
  options: {
    subject: "one line",
    body: "plain text",
    "customer?": "id or e-mail",
    "all!": "",
    "id?": "makes a repeat harmless",
  },
  async run(needs: NoticeCommandNeeds, values) {
    if ((values.customer === undefined) === (values.all === undefined))
      throw new UsageError("give either --customer or --all")
    const words = {
      id: values.id ?? needs.newId("ann"),
      subject: values.subject!,
      body: values.body!,
    }
    if (values.all !== undefined) return { id: words.id, ...(await announceToAll(needs, words)) }
    const { id: customer_id } = await findCustomer(needs, values.customer!)
    const writtenCount = await announce(needs, { ...words, customer_ids: [customer_id] })
    return { id: words.id, customerCount: 1, writtenCount }
  },
}

/** Customers per transaction: a server that runs beside this waits for each. */
const PAGE = 100

async function announceToAll(needs: NoticeCommandNeeds, words: Omit<Announcement, "customer_ids">) {
  let after = ""
  let customerCount = 0
  let writtenCount = 0
  while (true) {
    const customers = await listCustomers(needs.store.read, { limit: PAGE, after })
    const customer_ids = customers.filter(one => one.status === "active").map(one => one.id)
    customerCount += customer_ids.length
    writtenCount += await announce(needs, { ...words, customer_ids })
    if (customers.length < PAGE) return { customerCount, writtenCount }
    after = customers.at(-1)!.id
  }
}

const list: Command = {
  name: "mail list",
  summary: "Mail of the outbox, newest first",
  options: { "state?": MAIL_STATES.join("|"), "limit?": "rows" },
  async run(needs, values) {
    const state = values.state === undefined ? null : readChoice("state", values.state, MAIL_STATES)
    const rows = await listMail(needs.store.read, { state, limit: positiveOf(values, "limit", 50) })
    return rows.map(mail => ({
      id: mail.id,
      customerId: mail.customer_id,
      recipient: mail.recipient,
      subject: mail.subject,
      state: mail.state,
      attemptCount: mail.attempt_count,
      // Due since ever is what goes first.
      nextAttemptAt: mail.state === "queued" && mail.next_attempt_at > 0 ? toIso(mail.next_attempt_at) : null,
      failure: mail.failure,
      createdAt: toIso(mail.created_at),
      sentAt: toIsoOrNull(mail.sent_at),
    }))
  },
}

const retry: Command = {
  name: "mail retry",
  summary: "Send failed mail again, or unknown mail, which may then arrive twice",
  options: { id: "id" },
  async run(needs, values) {
    await needs.store.tx(q => retryMail(q, needs.clock.now(), values.id!))
    return { id: values.id, state: "queued" }
  },
}

export const noticeCommands: readonly Command[] = [send, list, retry]
