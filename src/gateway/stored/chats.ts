/** Stored chat completions: kept, listed, labelled with metadata and deleted; no HTTP. */
import { AppError } from "../../platform/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import { readMetadata } from "./metadata.ts"
import type { StoreNeeds } from "./needs.ts"
import {
  deleteObject,
  findObject,
  listObjects,
  type NewObject,
  type StoredObject,
  updateMetadata,
} from "./objects.ts"
import { type ListAnswer, listAnswer, pageOf, readPage, unknownPlace } from "./paging.ts"

/** Whose completion. */
export interface ChatKey {
  customer_id: string
  id: string
}

/** What a completion is stored as. */
export function chatObject(stored: {
  customer_id: string
  completion: JsonObject
  messages: JsonObject[]
  metadata: Record<string, string>
}): NewObject {
  const { completion, messages, metadata } = stored
  return {
    customer_id: stored.customer_id,
    kind: "chat.completion",
    id: String(completion.id),
    status: "completed",
    model: String(completion.model ?? ""),
    previous_id: undefined,
    is_background: false,
    metadata,
    body: { completion, messages },
    item_ids: [],
  }
}

/** The completion as it was answered, with its metadata. Throws `not_found` for unknown and foreign ids alike. */
export async function getChat(needs: StoreNeeds, key: ChatKey): Promise<JsonObject> {
  return toApiChat(await getObject(needs, key))
}

async function getObject(needs: StoreNeeds, key: ChatKey): Promise<StoredObject> {
  const object = await findObject(needs, { ...key, kind: "chat.completion" })
  if (!object) throw unknownChat(key.id)
  return object
}

const unknownChat = (id: string) =>
  new AppError("not_found", `Chat completion with id '${id}' not found.`, { code: "completion_not_found" })

const toApiChat = ({ id, body, metadata }: StoredObject): JsonObject & { id: string } => ({
  ...(body.completion as JsonObject),
  id,
  metadata,
})

/** A page of the customer's completions, oldest first unless told; by model and by pairs of metadata when asked. */
export async function listChats(
  needs: StoreNeeds,
  asked: { customer_id: string; query: URLSearchParams },
): Promise<ListAnswer<JsonObject & { id: string }>> {
  const { limit, order, after } = readPage(asked.query, "asc")
  const found = await listObjects(needs, {
    customer_id: asked.customer_id,
    kind: "chat.completion",
    limit,
    order,
    after,
    model: asked.query.get("model") || undefined,
    metadata: readFilter(asked.query),
  })
  if (found === "unknown-after") throw unknownPlace("after")
  return listAnswer(found.map(toApiChat), limit)
}

/** `metadata[key]=value` (sdk-wire 1). Throws `invalid` as for the metadata of a completion. */
function readFilter(query: URLSearchParams): Record<string, string> {
  const pairs = [...query].flatMap(([name, value]) => {
    const key = /^metadata\[(.*)\]$/s.exec(name)?.[1]
    return key === undefined ? [] : [[key, value] as const]
  })
  return readMetadata(Object.fromEntries(pairs))
}

/** Replaces the metadata and gives the completion. Throws `invalid` when the body has none. */
export async function updateChat(needs: StoreNeeds, key: ChatKey, body: JsonObject): Promise<JsonObject> {
  const object = await getObject(needs, key)
  if (body.metadata === undefined) {
    throw new AppError("invalid", "metadata is missing: send the pairs that the completion shall have.", {
      field: "metadata",
      code: "invalid_metadata",
    })
  }
  const metadata = readMetadata(body.metadata)
  if (!(await updateMetadata(needs, object, metadata))) throw unknownChat(key.id)
  return toApiChat({ ...object, metadata })
}

/** Deletes it for good. Throws `not_found`. */
export async function deleteChat(needs: StoreNeeds, key: ChatKey): Promise<JsonObject> {
  if (!(await deleteObject(needs, { ...key, kind: "chat.completion" }))) throw unknownChat(key.id)
  return { id: key.id, object: "chat.completion.deleted", deleted: true }
}

/** A page of the messages that were asked with, oldest first unless told. */
export async function listMessages(
  needs: StoreNeeds,
  key: ChatKey,
  query: URLSearchParams,
): Promise<ListAnswer<JsonObject & { id: string }>> {
  const { body } = await getObject(needs, key)
  const messages = (body.messages as JsonObject[]).map((message, index) =>
    toApiMessage(`${key.id}-${index}`, message),
  )
  return pageOf(messages, readPage(query, "asc"))
}

/** Texts are `content`, parts are `content_parts` (sdk-wire 2). */
const toApiMessage = (id: string, message: JsonObject): JsonObject & { id: string } => {
  const { content, name } = message
  const is_parts = Array.isArray(content)
  return {
    ...message,
    id,
    content: is_parts ? null : (content ?? null),
    name: name ?? null,
    content_parts: is_parts ? content : null,
  }
}
