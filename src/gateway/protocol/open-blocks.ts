/** Puts overlapping blocks of an answer in line, so that our events never overlap; knows no wire. */
import type { ModelEvent } from "./model-event.ts"

interface Place {
  key: string
  is_closed: boolean
  waiting: readonly ModelEvent[]
}

/** The blocks in the order of their opening; only the first speaks, the others wait. */
export type Line = readonly Place[]

/** No block is open. */
export const EMPTY_LINE: Line = []

/**
 * What a block says: sent at once when it is first in line, else kept until its turn. A new key queues up.
 */
export function speak(line: Line, key: string, events: readonly ModelEvent[]): [Line, readonly ModelEvent[]] {
  const index = line.findIndex(place => place.key === key)
  if (index === -1) {
    const is_first = line.length === 0
    return [[...line, { key, is_closed: false, waiting: is_first ? [] : events }], is_first ? events : []]
  }
  if (index === 0) return [line, events]
  const place = line[index]!
  return [line.with(index, { ...place, waiting: [...place.waiting, ...events] }), []]
}

/** Ends a block; when it was first in line, everything up to the next block that is still open is sent. */
export function leave(line: Line, key: string): [Line, readonly ModelEvent[]] {
  const marked = line.map(place => (place.key === key ? { ...place, is_closed: true } : place))
  const first_open = marked.findIndex(place => !place.is_closed)
  const gone = first_open === -1 ? marked.length : first_open
  if (gone === 0) return [marked, []]
  const next = marked[gone]
  const rest = next === undefined ? [] : [{ ...next, waiting: [] }, ...marked.slice(gone + 1)]
  return [rest, marked.slice(1, gone + 1).flatMap(place => place.waiting)]
}
