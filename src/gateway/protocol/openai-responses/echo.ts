/** The fields of a request that its response shows again. */
import type { AnswerStart } from "../codec.ts"
import { type JsonObject, parseObject } from "../json.ts"
import { eventData, eventName } from "../sse.ts"
import { scanTopLevel, setTopLevel } from "../top-level.ts"

/** Members of a request that stand in its response, in the order of the original service. */
const ECHOED = [
  "background",
  "instructions",
  "max_output_tokens",
  "metadata",
  "parallel_tool_calls",
  "previous_response_id",
  "reasoning",
  "service_tier",
  "store",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_p",
  "truncation",
  "user",
]

/** What a response to this body shows of it. */
export function echoOf(body: JsonObject): JsonObject {
  return Object.fromEntries(ECHOED.filter(key => body[key] !== undefined).map(key => [key, body[key]]))
}

/** What a response that passes shows different from its upstream's; `undefined` when nothing. */
export function differenceOf({ echo, is_renamed, model }: AnswerStart): JsonObject | undefined {
  return is_renamed ? { ...echo, model } : echo
}

/** The same event (latin1, as it goes in and out) with members of its response set; one that is cut stays as it is. */
export function echoInEvent(event: string, echo: JsonObject): string {
  const data = eventData(event)
  // An upstream's nonsense: neither the data nor the response in it need be an object, which could have members.
  if (!parseObject(data)) return event
  const member = scanTopLevel(data).find(one => one.key === "response")
  if (member === undefined || data[member.start] !== "{") return event
  const response = setTopLevel(data.slice(member.start, member.end), echo)
  const changed = data.slice(0, member.start) + response + data.slice(member.end)
  // Data may stand on several lines.
  const lines = changed.split("\n").map(line => `data: ${line}`)
  return Buffer.from([`event: ${eventName(event)}`, ...lines].join("\n")).toString("latin1")
}
