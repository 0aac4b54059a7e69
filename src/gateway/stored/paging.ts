/** Pages of lists in OpenAI's form: `limit`, `order`, `after`, `before`; not what is listed. */
import { AppError } from "../../platform/errors.ts"

export interface Page {
  limit: number
  order: "asc" | "desc"
  after: string | undefined
  before: string | undefined
}

const DEFAULT_LIMIT = 20
const LARGEST_LIMIT = 100

/** The page that a query asks for. Throws `invalid` naming the parameter. */
export function readPage(query: URLSearchParams, default_order: Page["order"]): Page {
  const limit = query.get("limit") || String(DEFAULT_LIMIT)
  if (!/^\d{1,9}$/.test(limit) || Number(limit) < 1 || Number(limit) > LARGEST_LIMIT) {
    throw invalid("limit", `limit must be a whole number from 1 to ${LARGEST_LIMIT}.`)
  }
  const order = query.get("order") || default_order
  if (order !== "asc" && order !== "desc") throw invalid("order", "order must be asc or desc.")
  return {
    limit: Number(limit),
    order,
    after: query.get("after") || undefined,
    before: query.get("before") || undefined,
  }
}

const invalid = (field: string, message: string) =>
  new AppError("invalid", message, { field, code: "invalid_value" })

/** A place that is in no list: the object was deleted, or belongs to another list. */
export const unknownPlace = (field: string) =>
  invalid(field, `${field} must be the id of an element of this list.`)

/** A list as OpenAI's clients read it (sdk-wire 2). */
export interface ListAnswer<Element> {
  object: "list"
  data: Element[]
  first_id: string | null
  last_id: string | null
  has_more: boolean
}

/** `found` may have one element more than the page: then there are more. */
export function listAnswer<Element extends { id?: unknown }>(
  found: Element[],
  limit: number,
): ListAnswer<Element> {
  const data = found.slice(0, limit)
  const idOf = (element: Element | undefined) => (typeof element?.id === "string" ? element.id : null)
  return {
    object: "list",
    data,
    first_id: idOf(data[0]),
    last_id: idOf(data.at(-1)),
    has_more: found.length > limit,
  }
}

/** A page of a list that is in memory, given in ascending order. Throws `invalid` for an unknown place. */
export function pageOf<Element extends { id?: unknown }>(
  elements: readonly Element[],
  page: Page,
): ListAnswer<Element> {
  const ordered = page.order === "asc" ? elements : elements.toReversed()
  const from = page.after === undefined ? 0 : placeOf(ordered, page.after, "after") + 1
  const until = page.before === undefined ? ordered.length : placeOf(ordered, page.before, "before")
  return listAnswer(ordered.slice(from, Math.max(from, until)).slice(0, page.limit + 1), page.limit)
}

function placeOf(elements: readonly { id?: unknown }[], id: string, field: string): number {
  const place = elements.findIndex(element => element.id === id)
  if (place === -1) throw unknownPlace(field)
  return place
}
