/** Compares the text that a client gets with every string that the upstream said; reads no protocol's order. */
import type { ClientProtocol } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import { eventsOf, parsed } from "./answer-shape.ts"

/** Searching a gigantic line for every piece would take minutes. */
const MOST_BYTES = 1_000_000

/** The first piece of a client's text that is not made of what the upstream said; `undefined` when all is. */
export function inventedText(
  client: ClientProtocol,
  said: readonly unknown[],
  upstream: Uint8Array,
): string | undefined {
  if (upstream.length > MOST_BYTES) return undefined
  const leaves = leavesOf(upstream)
  const heard = leaves.join("")
  const whole = said.flatMap(data => TEXTS[client](isJsonObject(data) ? data : {}))
  // A text may be put together from as many strings as there were.
  return whole.find(
    text => !isMadeOf(text.replaceAll("\n\n", ""), heard.replaceAll("\n\n", ""), leaves.length + 2),
  )
}

/** Every string in the upstream's JSON, but for what stands in an error. */
function leavesOf(upstream: Uint8Array): string[] {
  const whole = parsed(Buffer.from(upstream).toString("utf8"))
  const values = whole === undefined ? eventsOf(upstream).map(({ data }) => data) : [whole]
  const leaves: string[] = []
  // An error event may have its words at the top. No recursion: what is fuzzed may be nested deeper than a stack.
  const waiting = values.filter(value => !(isJsonObject(value) && value.type === "error")).reverse()
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === "string") leaves.push(value)
    else if (Array.isArray(value)) for (const one of value.toReversed()) waiting.push(one)
    else if (isJsonObject(value)) {
      const members = Object.entries(value).filter(([key]) => key !== "error")
      for (const [, one] of members.reverse()) waiting.push(one)
    }
  }
  return leaves
}

/** Whether the text can be covered with at most so many pieces of `heard`, the longest first. */
function isMadeOf(text: string, heard: string, most_pieces: number): boolean {
  let from = 0
  for (let count = 0; from < text.length; count++) {
    const length = longestMatch(text, from, heard)
    if (length === 0 || count > most_pieces) return false
    from += length
  }
  return true
}

function longestMatch(text: string, from: number, heard: string): number {
  let low = 0
  let high = text.length - from
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (heard.includes(text.slice(from, from + middle))) low = middle
    else high = middle - 1
  }
  return low
}

const strings = (...values: unknown[]): string[] => values.filter(value => typeof value === "string")
const objects = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : [])
const inner = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})

/** What each protocol shows as text, in events and in whole answers. */
const TEXTS: Record<ClientProtocol, (data: JsonObject) => string[]> = {
  "openai-responses": ({ type, delta, output }) => [
    ...(/(?:text|refusal)\.delta$/.test(String(type)) ? strings(delta) : []),
    ...objects(output).flatMap(item =>
      [...objects(item.content), ...objects(item.summary)].flatMap(({ text, refusal }) =>
        strings(text, refusal),
      ),
    ),
  ],
  "openai-chat": ({ choices }) =>
    objects(choices).flatMap(({ delta, message }) => {
      const { content, refusal, reasoning_content } = { ...inner(delta), ...inner(message) } as JsonObject
      return strings(content, refusal, reasoning_content)
    }),
  "openai-completions": ({ choices }) => objects(choices).flatMap(({ text }) => strings(text)),
  "anthropic-messages": ({ delta, content }) => [
    ...strings(inner(delta).text, inner(delta).thinking),
    ...objects(content).flatMap(({ text, thinking }) => strings(text, thinking)),
  ],
}
