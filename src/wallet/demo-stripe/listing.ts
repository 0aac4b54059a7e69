/** Lists: newest first, filtered, a page at a time by cursors; source: https://docs.stripe.com/api/pagination. */
import type { Kind, Kinds } from "./object-store.ts"
import { type Params, readGroup, readInteger, readText } from "./params.ts"
import { refuseMissing } from "./refusal.ts"
import type { World } from "./world.ts"

export interface ListAnswer<O> {
  object: "list"
  data: O[]
  has_more: boolean
  url: string
}

/** The parameters that every list knows. */
export const LIST_PARAMS = ["limit", "starting_after", "ending_before", "created", "expand"]

/** A page of the objects of a kind that `isAsked` accepts. */
export function listObjects<K extends Kind>(
  world: World,
  asked: { kind: K; url: string; params: Params },
  isAsked: (object: Kinds[K]) => boolean = () => true,
): ListAnswer<Kinds[K]> {
  const { kind, url, params } = asked
  const isInTime = readCreated(params)
  const limit = readInteger(params, "limit", { least: 1, most: 100 }) ?? 10
  const newest_first = [...world.objects.all(kind).values()].reverse()
  const found = newest_first.filter(object => isInTime(createdOf(object)) && isAsked(object))
  const positionOf = (cursor: "starting_after" | "ending_before"): number | undefined => {
    const id = readText(params, cursor)
    if (id === undefined) return undefined
    // A cursor may point at an object that the filter leaves out: what counts is its place among all.
    const place = newest_first.findIndex(object => object.id === id)
    if (place < 0) refuseMissing(kind, id, { param: cursor, status: 400 })
    const newer = new Set(newest_first.slice(0, place + (cursor === "starting_after" ? 1 : 0)))
    return found.findLastIndex(object => newer.has(object)) + 1
  }
  const end = positionOf("ending_before")
  if (end !== undefined) {
    const start = Math.max(0, end - limit)
    return { object: "list", data: found.slice(start, end), has_more: start > 0, url }
  }
  const start = positionOf("starting_after") ?? 0
  const data = found.slice(start, start + limit)
  return { object: "list", data, has_more: start + limit < found.length, url }
}

const createdOf = (object: { created: number }): number => object.created

/** `created=…` or `created[gte]=…` and its like. */
function readCreated(params: Params): (created: number) => boolean {
  if (typeof params.form.created === "string") {
    const exact = readInteger(params, "created")
    return created => created === exact
  }
  const range = readGroup(params, "created")
  if (!range) return () => true
  const gt = readInteger(range, "gt") ?? Number.NEGATIVE_INFINITY
  const gte = readInteger(range, "gte") ?? Number.NEGATIVE_INFINITY
  const lt = readInteger(range, "lt") ?? Number.POSITIVE_INFINITY
  const lte = readInteger(range, "lte") ?? Number.POSITIVE_INFINITY
  return created => created > gt && created >= gte && created < lt && created <= lte
}
