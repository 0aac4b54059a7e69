/** Streamed answers as events, and the laws that hold for their framing; each protocol's own laws are elsewhere. */
import { isJsonObject, type JsonObject } from "../gateway/protocol/json.ts"
import { validateEvents } from "../gateway/protocol/openai-responses/validate-events.ts"
import { eventData, eventName, splitEvents } from "../gateway/protocol/sse.ts"
import { expectEqual, expectThat, fail } from "./finding.ts"
import { type Answer, parseJson } from "./probe.ts"

/** What Chat and legacy Completions end with. */
const DONE = "[DONE]"

interface StreamEvent {
  /** From its `event:` line. */
  name: string | undefined
  data: string
}

/** The events of a streamed answer; comments are none. Fails when it is no stream. */
function eventsOf({ asked, status, headers, bytes, text }: Answer): StreamEvent[] {
  expectThat(status === 200, `${asked} to stream with 200`, `${status} ${text}`)
  const type = headers.get("content-type") ?? ""
  expectThat(type.includes("text/event-stream"), "content-type text/event-stream", type)
  const events = splitEvents(Buffer.from(bytes).toString("latin1"))
    .map(event => ({ name: eventName(event), data: eventData(event) }))
    .filter(event => event.data !== "")
  expectThat(events.length > 0, "a stream with events", text)
  return events
}

function jsonOf({ data }: StreamEvent): JsonObject {
  const value = parseJson(data)
  return isJsonObject(value) ? value : fail(`expected each event to be a JSON object; came ${data}`)
}

/** The events of a protocol that names each: every name equals its data's `type`, and there is no `[DONE]`. */
export function readNamedStream(answer: Answer): JsonObject[] {
  return eventsOf(answer).map(event => {
    const json = jsonOf(event)
    expectThat(
      event.name === json.type,
      "each event's name to equal its type",
      `${event.name}: ${event.data}`,
    )
    return json
  })
}

/** The chunks of a protocol without names, which ends with one `[DONE]`. */
export function readChunkStream(answer: Answer): JsonObject[] {
  const events = eventsOf(answer)
  const ends = events.filter(event => event.data === DONE)
  expectThat(
    ends.length === 1 && events.at(-1)?.data === DONE,
    "one [DONE], at the end",
    answer.text.slice(-200),
  )
  return events.slice(0, -1).map(jsonOf)
}

/** A Responses stream that keeps the laws of its protocol, with the usage of a complete answer at its end. */
export function readResponsesStream(answer: Answer): JsonObject[] {
  const events = readNamedStream(answer)
  expectEqual("broken laws", validateEvents(events), [])
  return events
}
