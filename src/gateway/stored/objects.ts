/** Stored objects of customers: keep, find, change, delete, list; every function asks for the customer, none for HTTP. */
import type { Query, TxQuery } from "../../platform/store.ts"
import type { JsonObject } from "../protocol/json.ts"
import { makeRoom } from "./limits.ts"
import type { StoreNeeds } from "./needs.ts"
import { pack, unpack } from "./packing.ts"

export type ObjectKind = "response" | "chat.completion"

/** Which object of which customer. */
export interface ObjectKey {
  customer_id: string
  kind: ObjectKind
  id: string
}

export interface StoredObject extends ObjectKey {
  status: string
  model: string
  previous_id: string | undefined
  is_background: boolean
  metadata: Record<string, string>
  /** Response: `{response, input}`; chat completion: `{completion, messages}`. */
  body: JsonObject
}

/** What is new with the object: everything but its size and time, and the ids of its items. */
export interface NewObject extends StoredObject {
  item_ids: string[]
}

interface Row {
  id: string
  status: string
  model: string
  previous_id: string | null
  is_background: number
  metadata: string
  body: string
}

const COLUMNS = "id, status, model, previous_id, is_background, metadata, body"

const UPSERT = `INSERT INTO stored_object
  (customer_id, id, kind, status, model, previous_id, is_background, metadata, size_bytes, created_at, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (customer_id, id) DO UPDATE SET kind = excluded.kind, status = excluded.status,
    model = excluded.model, previous_id = excluded.previous_id, is_background = excluded.is_background,
    metadata = excluded.metadata, size_bytes = excluded.size_bytes, body = excluded.body,
    created_at = excluded.created_at`

/** Keeps an object and makes room for it; the same id again replaces it. "too-large": nothing was changed. */
export async function putObject(needs: StoreNeeds, object: NewObject): Promise<"stored" | "too-large"> {
  const { packed, size_bytes } = await pack(object.body)
  if (isTooLarge(needs, size_bytes)) return "too-large"
  const now = needs.clock.now()
  await needs.cache.tx(async q => {
    await q.run(
      UPSERT,
      object.customer_id,
      object.id,
      object.kind,
      object.status,
      object.model,
      object.previous_id ?? null,
      object.is_background ? 1 : 0,
      JSON.stringify(object.metadata),
      size_bytes,
      now,
      packed,
    )
    await putItems(q, object)
    await makeRoom(q, needs, object)
  })
  return "stored"
}

/** One statement for all: an input may have thousands of items. */
const PUT_ITEMS = `INSERT INTO stored_item (customer_id, id, object_id) SELECT ?, value, ? FROM json_each(?) WHERE true
  ON CONFLICT (customer_id, id) DO UPDATE SET object_id = excluded.object_id`

/** The newest object that has an item of this id answers for it. */
async function putItems(q: TxQuery, object: NewObject): Promise<void> {
  if (object.item_ids.length === 0) return
  await q.run(PUT_ITEMS, object.customer_id, object.id, JSON.stringify(object.item_ids))
}

/**
 * Writes the end of a background response with the last of its events. "gone": it was deleted meanwhile;
 * "too-large": nothing was changed.
 */
export async function finishObject(
  needs: StoreNeeds,
  object: NewObject,
  events: { events_bytes: number; write: (q: TxQuery) => Promise<void> },
): Promise<"stored" | "gone" | "too-large"> {
  const { packed, size_bytes } = await pack(object.body)
  if (isTooLarge(needs, size_bytes)) return "too-large"
  return needs.cache.tx(async q => {
    const changed = await q.run(
      "UPDATE stored_object SET status = ?, model = ?, body = ?, size_bytes = ? WHERE customer_id = ? AND id = ?",
      object.status,
      object.model,
      packed,
      size_bytes + events.events_bytes,
      object.customer_id,
      object.id,
    )
    if (changed === 0) return "gone"
    await putItems(q, object)
    await events.write(q)
    await makeRoom(q, needs, object)
    return "stored"
  })
}

const isTooLarge = ({ config }: StoreNeeds, size_bytes: number): boolean =>
  size_bytes > Math.min(config.stored.max_object_bytes, config.stored.max_customer_bytes)

/** The object, unless it is unknown, another customer's or past its age. */
export async function findObject(needs: StoreNeeds, key: ObjectKey): Promise<StoredObject | undefined> {
  const row = await needs.cache.read.get<Row>(
    `SELECT ${COLUMNS} FROM stored_object WHERE customer_id = ? AND id = ? AND kind = ? AND created_at >= ?`,
    key.customer_id,
    key.id,
    key.kind,
    oldestKept(needs),
  )
  return row && readRow(key, row)
}

/** Before this time nothing is shown any more, whether it is deleted yet or not. */
export const oldestKept = ({ clock, config }: StoreNeeds): number => clock.now() - config.stored.max_age_ms

async function readRow(key: Omit<ObjectKey, "id">, row: Row): Promise<StoredObject> {
  return {
    ...row,
    customer_id: key.customer_id,
    kind: key.kind,
    previous_id: row.previous_id ?? undefined,
    is_background: row.is_background === 1,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    body: (await unpack(row.body)) as JsonObject,
  }
}

/** Deletes an object with its items and events; false when there was none to see. */
export function deleteObject(needs: StoreNeeds, key: ObjectKey): Promise<boolean> {
  return needs.cache.tx(async q => {
    const count = await q.run(
      "DELETE FROM stored_object WHERE customer_id = ? AND id = ? AND kind = ? AND created_at >= ?",
      key.customer_id,
      key.id,
      key.kind,
      oldestKept(needs),
    )
    return count > 0
  })
}

/** Replaces the metadata of an object; false when there is no such object any more. */
export function updateMetadata(
  needs: StoreNeeds,
  key: ObjectKey,
  metadata: Record<string, string>,
): Promise<boolean> {
  return needs.cache.tx(async q => {
    const count = await q.run(
      "UPDATE stored_object SET metadata = ? WHERE customer_id = ? AND id = ? AND kind = ?",
      JSON.stringify(metadata),
      key.customer_id,
      key.id,
      key.kind,
    )
    return count > 0
  })
}

/** A page of a customer's objects. */
export interface ObjectPage {
  customer_id: string
  kind: ObjectKind
  limit: number
  order: "asc" | "desc"
  /** The id that the page before ended with. */
  after: string | undefined
  model: string | undefined
  /** Every pair must be among the object's. */
  metadata: Record<string, string>
}

/** The objects of a page, one more than asked when there are more; "unknown-after" when `after` names none. */
export async function listObjects(
  needs: StoreNeeds,
  page: ObjectPage,
): Promise<StoredObject[] | "unknown-after"> {
  const { read } = needs.cache
  const place = page.after === undefined ? START[page.order] : await findPlace(read, page, page.after)
  if (!place) return "unknown-after"
  const rows = await read.all<Row>(
    page.order === "asc" ? PAGE_ASCENDING : PAGE_DESCENDING,
    page.customer_id,
    page.kind,
    oldestKept(needs),
    place.created_at,
    place.row,
    page.model ?? null,
    page.model ?? null,
    JSON.stringify(page.metadata),
    page.limit + 1,
  )
  return Promise.all(rows.map(row => readRow(page, row)))
}

/** A place in the order of creation: objects of one millisecond have the order in which they were written. */
interface Place {
  created_at: number
  row: number
}

const START: Record<"asc" | "desc", Place> = {
  asc: { created_at: 0, row: 0 },
  desc: { created_at: Number.MAX_SAFE_INTEGER, row: 0 },
}

const findPlace = (read: Query, page: ObjectPage, id: string): Promise<Place | undefined> =>
  read.get<Place>(
    "SELECT created_at, rowid AS row FROM stored_object WHERE customer_id = ? AND kind = ? AND id = ?",
    page.customer_id,
    page.kind,
    id,
  )

/** SQL texts are constants, so that each is prepared once: the filters are values, not text. */
const pageQuery = (compare: ">" | "<", order: "ASC" | "DESC"): string =>
  `SELECT ${COLUMNS} FROM stored_object o WHERE customer_id = ? AND kind = ? AND created_at >= ?
   AND (created_at, rowid) ${compare} (?, ?) AND (? IS NULL OR model = ?)
   AND NOT EXISTS (
     SELECT 1 FROM json_each(?) asked WHERE NOT EXISTS (
       SELECT 1 FROM json_each(o.metadata) has WHERE has.key = asked.key AND has.value = asked.value))
   ORDER BY created_at ${order}, rowid ${order} LIMIT ?`

const PAGE_ASCENDING = pageQuery(">", "ASC")
const PAGE_DESCENDING = pageQuery("<", "DESC")
