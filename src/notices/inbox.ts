/** The customer's inbox: what was told, newest first; everything is kept. */
import type { Clock } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import type { Query, Store } from "../platform/store.ts"

export interface Message {
  id: string
  kind: string
  subject: string
  body: string
  created_at: number
  read_at: number | null
}

const COLUMNS = "id, kind, subject, body, created_at, read_at"

/** Newest first, from behind the id `before`. */
export const listMessages = (
  q: Query,
  page: { customer_id: string; limit: number; before: string | undefined },
): Promise<Message[]> =>
  q.all<Message>(
    `SELECT ${COLUMNS} FROM inbox_message WHERE customer_id = ? AND (? IS NULL OR id < ?)
     ORDER BY id DESC LIMIT ?`,
    page.customer_id,
    page.before ?? null,
    page.before ?? null,
    page.limit,
  )

export async function countUnread(q: Query, customer_id: string): Promise<number> {
  const row = await q.get<{ unread_count: number }>(
    "SELECT count(*) AS unread_count FROM inbox_message WHERE customer_id = ? AND read_at IS NULL",
    customer_id,
  )
  return row!.unread_count
}

/**
 * Marks a message read and gives it; on a repeat the time stays the first. Throws `not_found` for an unknown id and
 * another customer's alike.
 */
export async function readMessage(
  needs: { store: Store; clock: Clock },
  input: { customer_id: string; message_id: string },
): Promise<Message> {
  const { customer_id, message_id } = input
  return needs.store.tx(async q => {
    await q.run(
      "UPDATE inbox_message SET read_at = ? WHERE id = ? AND customer_id = ? AND read_at IS NULL",
      needs.clock.now(),
      message_id,
      customer_id,
    )
    const message = await q.get<Message>(
      `SELECT ${COLUMNS} FROM inbox_message WHERE id = ? AND customer_id = ?`,
      message_id,
      customer_id,
    )
    if (message) return message
    throw new AppError("not_found", "There is no such message. List your messages to see their ids.")
  })
}
