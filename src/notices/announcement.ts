/** What the operator tells customers: one message for each, however often the announcement is repeated. */
import { AppError } from "../platform/errors.ts"
import type { Query, Store } from "../platform/store.ts"
import { type NoticeNeeds, notify, toOneLine } from "./notify.ts"

export interface Announcement {
  /** The operator's own: with it a repeat reaches only those who were missed. */
  id: string
  subject: string
  body: string
  /** At most a page of them: they are written in one transaction. */
  customer_ids: readonly string[]
}

/** Without `:`, which ends the id within the keys. */
const ID = /^[\w.-]{1,64}$/
const LONGEST_SUBJECT = 200
const LONGEST_BODY = 20_000

/**
 * Writes the announcement to customers who do not have it, and gives how many those were. Throws `invalid`, and
 * `conflict` when the id was used for other words.
 */
export async function announce(
  needs: NoticeNeeds & { store: Store },
  announcement: Announcement,
): Promise<number> {
  const { id, body, customer_ids } = announcement
  const subject = toOneLine(announcement.subject)
  assertAnnouncement({ id, subject, body })
  return needs.store.tx(async q => {
    const before = await findEarlier(q, id)
    if (before && (before.subject !== subject || before.body !== body)) {
      throw new AppError("conflict", `The id ${id} was used for another announcement: give a new one.`)
    }
    let written_count = 0
    for (const customer_id of customer_ids) {
      const key = `announcement:${id}:${customer_id}`
      const notice = { customer_id, kind: "announcement", key, subject, body } as const
      if (await notify(q, needs, notice)) written_count++
    }
    return written_count
  })
}

function assertAnnouncement({ id, subject, body }: { id: string; subject: string; body: string }): void {
  const refuse = (field: string, message: string) => new AppError("invalid", message, { field })
  if (!ID.test(id)) throw refuse("id", "The id must be 1 to 64 letters, digits, dots, dashes or underscores.")
  if (subject === "" || subject.length > LONGEST_SUBJECT)
    throw refuse("subject", `The subject must have 1 to ${LONGEST_SUBJECT} characters.`)
  if (body.trim() === "" || body.length > LONGEST_BODY)
    throw refuse("body", `The body must have 1 to ${LONGEST_BODY} characters.`)
}

/** All messages of an id have the same words, so that one shows them. `;` is the character after `:`. */
const findEarlier = (q: Query, id: string): Promise<{ subject: string; body: string } | undefined> =>
  q.get(
    "SELECT subject, body FROM inbox_message WHERE key > ? AND key < ? LIMIT 1",
    `announcement:${id}:`,
    `announcement:${id};`,
  )
