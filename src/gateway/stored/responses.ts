/** Stored responses: what was asked, what was answered, and the conversation that led there; no HTTP. */
import { AppError } from "../../platform/errors.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { LARGEST_BODY_BYTES } from "../read-body.ts"
import { type Item, idsOf } from "./items.ts"
import type { StoreNeeds } from "./needs.ts"
import { findObject, type NewObject, oldestKept, type StoredObject } from "./objects.ts"

/** A stored response, read. */
export interface StoredResponse {
  object: StoredObject
  response: JsonObject
  /** Its own input, without what came before it. */
  input: Item[]
}

/** Whose response. */
export interface ResponseKey {
  customer_id: string
  id: string
}

/** The response. Throws `not_found` in one way for unknown, foreign, deleted and expired ids. */
export async function getResponse(needs: StoreNeeds, key: ResponseKey): Promise<StoredResponse> {
  const stored = await findResponse(needs, key)
  if (!stored) throw unknownResponse(key.id)
  return stored
}

/** In OpenAI's words. */
export const unknownResponse = (id: string) =>
  new AppError("not_found", `Response with id '${id}' not found.`, { code: "response_not_found" })

/** The same; `undefined` where there is none. */
export async function findResponse(needs: StoreNeeds, key: ResponseKey): Promise<StoredResponse | undefined> {
  const object = await findObject(needs, { ...key, kind: "response" })
  return object && readStored(object)
}

const readStored = (object: StoredObject): StoredResponse => {
  const { response, input } = object.body as { response: JsonObject; input: Item[] }
  return { object, response, input }
}

/** What a response is stored as. */
export function responseObject(stored: {
  customer_id: string
  response: JsonObject
  input: Item[]
  previous_id: string | undefined
  is_background: boolean
}): NewObject {
  const { response, input } = stored
  return {
    customer_id: stored.customer_id,
    kind: "response",
    id: String(response.id),
    status: String(response.status ?? "completed"),
    model: String(response.model ?? ""),
    previous_id: stored.previous_id,
    is_background: stored.is_background,
    metadata: {},
    body: { response, input },
    item_ids: idsOf([...input, ...outputOf(response)]),
  }
}

/** The output items of a response. */
export const outputOf = (response: JsonObject): Item[] =>
  Array.isArray(response.output) ? response.output.filter(isJsonObject) : []

/** More responses in a row than any conversation has; a chain that names itself ends here too. */
const LONGEST_CHAIN = 1_000

/** One response of a conversation, without its content. */
interface Link {
  id: string
  previous_id: string | null
  status: string
  size_bytes: number
}

const CHAIN = `WITH RECURSIVE chain (id, previous_id, status, size_bytes, depth) AS (
    SELECT id, previous_id, status, size_bytes, 0 FROM stored_object
    WHERE customer_id = ? AND id = ? AND kind = 'response' AND created_at >= ?
    UNION ALL
    SELECT o.id, o.previous_id, o.status, o.size_bytes, depth + 1
    FROM chain JOIN stored_object o ON o.customer_id = ? AND o.id = chain.previous_id
    WHERE o.kind = 'response' AND o.created_at >= ? AND depth < ${LONGEST_CHAIN})
  SELECT id, previous_id, status, size_bytes FROM chain ORDER BY depth`

/** From the newest to the oldest that is still there. */
function listChain(needs: StoreNeeds, key: ResponseKey): Promise<Link[]> {
  const oldest = oldestKept(needs)
  return needs.cache.read.all<Link>(CHAIN, key.customer_id, key.id, oldest, key.customer_id, oldest)
}

/**
 * Every item of the conversation that ends with this response, oldest first: inputs and outputs of all before it.
 * Instructions are not among them: those of an earlier response do not carry over. Throws `invalid` naming
 * `previous_response_id` when a response of it is gone, runs still, or all are more than a request may hold.
 */
export async function loadHistory(needs: StoreNeeds, key: ResponseKey): Promise<Item[]> {
  const chain = await listChain(needs, key)
  assertComplete(chain, key.id)
  const links = await loadLinks(needs, key.customer_id, chain)
  const last_compacted = links.findLastIndex(({ response }) => outputOf(response).some(isCompaction))
  return links.flatMap(({ input, response }, index) => {
    if (index < last_compacted) return []
    return index === last_compacted ? outputOf(response) : [...input, ...outputOf(response)]
  })
}

/** An answer that sums up all that came before it stands for it. */
const isCompaction = (item: Item): boolean => item.type === "compaction"

function assertComplete(chain: readonly Link[], id: string): void {
  const last = chain.at(-1)
  const missing_id = last === undefined ? id : last.previous_id
  if (chain.length > LONGEST_CHAIN) throw tooLong()
  if (missing_id !== null) throw previousNotFound(missing_id)
  const [newest] = chain
  if (newest && isUnfinished(newest.status)) {
    throw new AppError("invalid", `Previous response with id '${id}' is still ${newest.status}.`, {
      code: "previous_response_in_progress",
      field: "previous_response_id",
    })
  }
  const size_bytes = chain.reduce((sum, link) => sum + link.size_bytes, 0)
  if (size_bytes > LARGEST_BODY_BYTES) throw tooLong()
}

export const isUnfinished = (status: string): boolean => status === "queued" || status === "in_progress"

/** In OpenAI's words; clients know the code. */
const previousNotFound = (id: string) =>
  new AppError("invalid", `Previous response with id '${id}' not found.`, {
    code: "previous_response_not_found",
    field: "previous_response_id",
  })

const tooLong = () =>
  new AppError(
    "invalid",
    "The conversation before previous_response_id is longer than a request may be: compact it, or start anew.",
    { code: "context_length_exceeded", field: "previous_response_id" },
  )

/** The contents, oldest first. One that was deleted since it was listed is missed as any other. */
async function loadLinks(needs: StoreNeeds, customer_id: string, chain: Link[]): Promise<StoredResponse[]> {
  const loaded: StoredResponse[] = []
  for (const { id } of chain.toReversed()) {
    const stored = await findResponse(needs, { customer_id, id })
    if (!stored) throw previousNotFound(id)
    loaded.push(stored)
  }
  return loaded
}

/**
 * What a response was given, oldest first, as the API lists it: the conversation before it and its own input.
 * What is gone of the conversation is left out.
 */
export async function listInput(needs: StoreNeeds, key: ResponseKey): Promise<Item[]> {
  const { object, input } = await getResponse(needs, key)
  if (object.previous_id === undefined) return input
  const chain = await listChain(needs, { ...key, id: object.previous_id })
  if (chain.reduce((sum, link) => sum + link.size_bytes, 0) > LARGEST_BODY_BYTES) return input
  const links = await loadLinks(needs, key.customer_id, chain)
  return [...links.flatMap(link => [...link.input, ...outputOf(link.response)]), ...input]
}

/** Where an item is kept: the newest response that has it. */
interface ItemPlace {
  id: string
  object_id: string
  size_bytes: number
}

/** One statement for all of them. */
const ITEM_PLACES = `SELECT i.id, i.object_id, o.size_bytes FROM json_each(?) asked
  JOIN stored_item i ON i.customer_id = ? AND i.id = asked.value
  JOIN stored_object o ON o.customer_id = i.customer_id AND o.id = i.object_id
  WHERE o.kind = 'response' AND o.created_at >= ?`

/** Items asked for by their ids, each once; `fieldOf` says where the request speaks of one. */
interface ItemsAsked {
  customer_id: string
  ids: readonly string[]
  fieldOf: (id: string) => string
}

/**
 * The items of these ids, wherever this customer stored them. Throws `invalid` naming the one that is nowhere, or whose
 * response makes all that must be read larger than a request may be; the sizes are known before anything is read.
 */
export async function loadItems(needs: StoreNeeds, asked: ItemsAsked): Promise<Map<string, Item>> {
  const { customer_id, ids, fieldOf } = asked
  const rows = await needs.cache.read.all<ItemPlace>(
    ITEM_PLACES,
    JSON.stringify(ids),
    customer_id,
    oldestKept(needs),
  )
  const places = new Map(rows.map(row => [row.id, row]))
  const missing = ids.find(id => !places.has(id))
  if (missing !== undefined) throw itemNotFound(missing, fieldOf)
  const object_ids = objectsWithin(places, fieldOf)
  const found = new Map<string, Item>()
  for (const object_id of object_ids) {
    const stored = await findResponse(needs, { customer_id, id: object_id })
    for (const item of stored ? [...stored.input, ...outputOf(stored.response)] : []) {
      if (typeof item.id === "string" && places.get(item.id)?.object_id === object_id)
        found.set(item.id, item)
    }
  }
  // One that was deleted since it was listed is missed as any other.
  const deleted = ids.find(id => !found.has(id))
  if (deleted !== undefined) throw itemNotFound(deleted, fieldOf)
  return found
}

/** The responses to be read, each once. */
function objectsWithin(places: ReadonlyMap<string, ItemPlace>, fieldOf: ItemsAsked["fieldOf"]): Set<string> {
  const object_ids = new Set<string>()
  let size_bytes = 0
  for (const place of places.values()) {
    if (object_ids.has(place.object_id)) continue
    object_ids.add(place.object_id)
    size_bytes += place.size_bytes
    if (size_bytes > LARGEST_BODY_BYTES) {
      throw new AppError(
        "invalid",
        "The responses that input refers to are together larger than a request may be.",
        {
          code: "too_many_references",
          field: fieldOf(place.id),
        },
      )
    }
  }
  return object_ids
}

const itemNotFound = (id: string, fieldOf: ItemsAsked["fieldOf"]) =>
  new AppError("invalid", `Item with id '${id}' not found.`, { code: "item_not_found", field: fieldOf(id) })
