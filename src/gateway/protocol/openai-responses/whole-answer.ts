/** The whole response object that a Responses stream amounts to; it is cut out of the terminal event, not rebuilt. */
import { isJsonObject, type JsonObject, parseObject, stringOf } from "../json.ts"
import { eventData, splitEvents } from "../sse.ts"
import { scanTopLevel, spliceValue } from "../top-level.ts"

/**
 * `text` is a complete stream, one character per byte. The answer is the `response` member of its terminal event,
 * to the letter; `undefined` when it has none. Upstreams that leave `output` out of it, or empty, get the finished items put in.
 */
export function wholeAnswer(text: string): string | undefined {
  const events = splitEvents(text).map(eventData)
  const terminal = events.findLast(data => TERMINAL.test(typeOf(data)))
  const response = terminal && memberText(terminal, "response")
  if (response === undefined) return undefined
  const items = events
    .filter(data => typeOf(data) === "response.output_item.done")
    .map(data => memberText(data, "item"))
  const whole = parseObject(response)
  const has_output = Array.isArray(whole?.output) && whole.output.length > 0
  // An upstream's nonsense is no response that items could be put in: they are all that it amounts to.
  return has_output || items.length === 0 ? response : withOutput(whole ? response : "{}", items)
}

const TERMINAL = /^response\.(?:completed|incomplete|failed)$/

const typeOf = (data: string): string => stringOf(parseObject(data)?.type) ?? ""

function memberText(data: string, key: string): string | undefined {
  const member = scanTopLevel(data).find(one => one.key === key)
  return member && data.slice(member.start, member.end)
}

function withOutput(response: string, items: (string | undefined)[]): string {
  const output = items.map(item => JSON.parse(item ?? "null") as JsonObject).filter(isJsonObject)
  const member = scanTopLevel(response).find(one => one.key === "output")
  if (member) return spliceValue(response, member, output)
  return JSON.stringify({ ...(JSON.parse(response) as JsonObject), output })
}
