/** Generators of what is wrong with a stream: mutations of a legal one, as an upstream's bytes; checks nothing. */
import fc from "fast-check"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"

/** One mutation of a stream's events, each the text between blank lines. */
export interface Mutation {
  kind: (typeof KINDS)[number]
  /** Where, and by what, as draws: taken modulo what there is. */
  at: number
  to: number
}

const KINDS = [
  "drop",
  "repeat",
  "swap",
  "move to the front",
  "unknown event",
  "bad JSON",
  "bad UTF-8",
  "no object",
  "wrong type",
  "missing field",
  "end twice",
  "end first",
  "no end",
] as const

export const arbitraryMutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), at: fc.nat(1000), to: fc.nat(1000) }),
  { minLength: 1, maxLength: 3 },
)

/** The mutations that only take away or say nothing: what is left must have been said. */
export const isSilent = ({ kind }: Mutation): boolean =>
  ["drop", "unknown event", "bad JSON", "no object", "no end"].includes(kind)

/** The stream with these mutations, as bytes. */
export function mutate(stream: string, mutations: readonly Mutation[]): Uint8Array {
  let events = stream.split("\n\n").filter(event => event !== "")
  for (const mutation of mutations) events = mutateOnce(events, mutation)
  const bytes = Buffer.from(events.map(event => `${event}\n\n`).join(""))
  for (let at = bytes.indexOf(BROKEN); at !== -1; at = bytes.indexOf(BROKEN, at)) bytes[at] = 0xff
  return bytes
}

/** Stands for a byte that is no UTF-8, in a text. */
const BROKEN = "\u0001"

function mutateOnce(events: string[], { kind, at, to }: Mutation): string[] {
  if (events.length === 0) return events
  const place = at % events.length
  const event = events[place]!
  const put = (...changed: string[]) => events.toSpliced(place, 1, ...changed)
  switch (kind) {
    case "drop":
      return put()
    case "repeat":
      return put(event, event)
    case "swap":
      return events.with(place, events[to % events.length]!).with(to % events.length, event)
    case "move to the front":
      return [event, ...put()]
    case "unknown event":
      return put(
        event,
        'event: response.future\ndata: {"type":"response.future","sequence_number":1,"delta":"!!!"}',
      )
    case "bad JSON":
      return put(event.slice(0, -(1 + (to % 9))))
    case "bad UTF-8":
      return put(event.replace(/:"(?=[^"]*"[,}])/, `:"${BROKEN}`))
    case "no object":
      return put(`data: ${["null", "7", "[]", '"text"', "[DONE", ""][to % 6]}`)
    case "wrong type":
      return put(withField(event, to, WRONG[at % WRONG.length]))
    case "missing field":
      return put(withField(event, to, undefined))
    case "end twice":
      return [...events, ...events.slice(-2)]
    case "end first":
      return [...events.slice(-2), ...events]
    case "no end":
      return events.slice(0, -(1 + (to % 3)))
  }
}

const WRONG = [null, 7, -1, "text", [], {}, true, 1e300, [null], { type: 7 }]

/** The event with one of its members, drawn from all depths, changed or gone. */
function withField(event: string, draw: number, value: unknown): string {
  const start = event.indexOf("data: ")
  if (start === -1 || event.includes("[DONE]")) return event
  const data: unknown = JSON.parse(safely(event.slice(start + 6)))
  if (!isJsonObject(data)) return event
  const places = placesOf(data)
  const place = places[draw % Math.max(1, places.length)]
  if (place !== undefined) place.holder[place.key] = value as JsonObject
  return `${event.slice(0, start)}data: ${JSON.stringify(data)}`
}

function safely(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    // An earlier mutation has broken it: it stays as it is.
    return "null"
  }
}

function placesOf(value: unknown): { holder: JsonObject; key: string }[] {
  if (Array.isArray(value)) return value.flatMap(placesOf)
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([key, member]) => [{ holder: value, key }, ...placesOf(member)])
}
