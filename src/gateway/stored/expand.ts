/** Puts in what the input of a request refers to: the history before it, items by id, the text of summaries. */
import type { Caller } from "../../auth/keys.ts"
import type { Vault } from "../../auth/vault.ts"
import { AppError } from "../../platform/errors.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { LARGEST_BODY_BYTES } from "../read-body.ts"
import { type Item, isReference, itemsOf, resent } from "./items.ts"
import type { StoreNeeds } from "./needs.ts"
import { loadHistory, loadItems } from "./responses.ts"
import { hasSummary, openSummaries } from "./summaries.ts"

/** A request of an authenticated caller, parsed and not yet checked. */
export interface Asked {
  caller: Pick<Caller, "customer_id">
  body: JsonObject
}

/** `{"type":"compaction_trigger"}`: the Codex CLI's remote compaction (codex-cli-wire 7). */
export const isTrigger = (item: unknown): boolean => isJsonObject(item) && item.type === "compaction_trigger"

/** The `previous_response_id` of a request; null is none. Throws `invalid`. */
export function readPreviousId(body: JsonObject): string | undefined {
  const field = "previous_response_id"
  const value = body[field] ?? undefined
  if (value === undefined || (typeof value === "string" && value !== "")) return value
  throw new AppError("invalid", `${field} must be the id of a response.`, { field, code: "invalid_type" })
}

/** A request whose input stands for itself. */
export interface Expanded {
  /** The client's own input, references replaced; what is stored. */
  input: Item[]
  has_trigger: boolean
  /** The request without what only we understand; the very same object when nothing was. */
  body: JsonObject
}

type ExpandNeeds = StoreNeeds & { vault: Vault }

/**
 * The history before `previous_response_id`, the items behind references, and the text of our summaries put in.
 * Throws `invalid` naming the field that refers to nothing.
 */
export async function expandInput(needs: ExpandNeeds, { caller, body }: Asked): Promise<Expanded> {
  const { customer_id } = caller
  const own = readInput(body)
  const previous_id = readPreviousId(body)
  const history = previous_id === undefined ? [] : await loadHistory(needs, { customer_id, id: previous_id })
  const has_trigger = own.some(isTrigger)
  const has_references = own.some(isReference)
  const resolved = has_references ? await resolveReferences(needs, customer_id, own) : own
  const input = has_trigger ? resolved.filter(item => !isTrigger(item)) : resolved
  const is_same = previous_id === undefined && !has_references && !has_trigger && !hasSummary(own)
  if (is_same)
    return { input, has_trigger, body: body.background === true ? without(body, ["background"]) : body }
  const opened = [
    ...openSummaries(needs.vault, customer_id, resent(history)),
    ...openSummaries(needs.vault, customer_id, has_references ? resent(input) : input),
  ]
  const rest = without(body, ["background", "previous_response_id"])
  // The upstream needs no copy of what we keep.
  return { input, has_trigger, body: { ...rest, input: opened, store: false } }
}

/** The input as a list; it may be left out where something precedes it. */
function readInput({ input }: JsonObject): Item[] {
  if (input == null || typeof input === "string" || Array.isArray(input)) return itemsOf(input)
  const message = "input must be a text or a list of items."
  throw new AppError("invalid", message, { field: "input", code: "invalid_type" })
}

const without = (body: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)))

/** More references than a conversation has; each of them costs a few bytes and may bring a megabyte. */
const MOST_REFERENCES = 256

async function resolveReferences(needs: ExpandNeeds, customer_id: string, own: Item[]): Promise<Item[]> {
  const places = own.flatMap((item, index) => (isReference(item) ? [index] : []))
  if (places.length > MOST_REFERENCES) {
    const message = `input may refer to at most ${MOST_REFERENCES} items: send the others themselves.`
    throw tooManyReferences(`input[${places[MOST_REFERENCES]}].id`, message)
  }
  const ids = new Set(own.filter(isReference).map(({ id }) => id))
  const fieldOf = (id: string) => `input[${own.findIndex(item => isReference(item) && item.id === id)}].id`
  const found = await loadItems(needs, { customer_id, ids: [...ids], fieldOf })
  assertRoom(own, found)
  return own.map(item => (isReference(item) ? (found.get(item.id) ?? item) : item))
}

/** The items that are put in may be as large as a body, all together: the same one may be named many times. */
function assertRoom(own: readonly Item[], found: ReadonlyMap<string, Item>): void {
  const sizes = new Map([...found].map(([id, item]) => [id, JSON.stringify(item).length]))
  let size = 0
  for (const [index, item] of own.entries()) {
    if (!isReference(item)) continue
    size += sizes.get(item.id) ?? 0
    if (size > LARGEST_BODY_BYTES) {
      const message = "The items that input refers to are together larger than a request may be."
      throw tooManyReferences(`input[${index}].id`, message)
    }
  }
}

const tooManyReferences = (field: string, message: string) =>
  new AppError("invalid", message, { code: "too_many_references", field })
