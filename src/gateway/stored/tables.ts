/** The tables of stored objects, in cache.db: responses and chat completions of customers. May be lost. */
import { bool, count, json, keyedBy, oneOf, string, table, time } from "../../../db/kit.ts"

/** An object a customer asked to keep. `body` is its JSON, compressed with zstd, in base64. */
export const stored_object = table(
  "stored_object",
  {
    customer_id: string().notNull(),
    id: string().notNull(),
    kind: oneOf(["response", "chat.completion"]).notNull(),
    status: string().notNull(),
    model: string().notNull(),
    /** The response whose conversation this one continues. */
    previous_id: string(),
    is_background: bool().notNull(),
    metadata: json<Record<string, string>>().notNull(),
    /** Of the JSON, before compression: what the limits count. */
    size_bytes: count().notNull(),
    created_at: time().notNull(),
    body: string().notNull(),
  },
  t => [keyedBy({ columns: [t.customer_id, t.id] })],
)

/** Where an item can be found that a later request names by its id. */
export const stored_item = table(
  "stored_item",
  {
    customer_id: string().notNull(),
    id: string().notNull(),
    object_id: string().notNull(),
  },
  t => [keyedBy({ columns: [t.customer_id, t.id] })],
)

/** Events of a background response that were streamed, many in a row: a JSON list, compressed like an object. */
export const stored_event = table(
  "stored_event",
  {
    customer_id: string().notNull(),
    object_id: string().notNull(),
    first_number: count().notNull(),
    last_number: count().notNull(),
    body: string().notNull(),
  },
  t => [keyedBy({ columns: [t.customer_id, t.object_id, t.first_number] })],
)

/** What each customer has stored, kept by triggers. */
export const stored_total = table("stored_total", {
  customer_id: string().primaryKey(),
  object_count: count().notNull(),
  size_bytes: count().notNull(),
})
