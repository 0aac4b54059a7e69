/** Small damage to JSON values and to their text, drawn from a seed; knows no protocol. */
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import type { SeededRandom } from "../simulation/seeded-random.ts"

/** A member of an object or a list. */
interface Place {
  holder: JsonObject | unknown[]
  key: string | number
}

const MOST_PLACES = 2_000

/** Every member at any depth, as far as that is bounded. */
function placesOf(root: unknown): Place[] {
  const places: Place[] = []
  const waiting: unknown[] = [root]
  while (waiting.length > 0 && places.length < MOST_PLACES) {
    const holder = waiting.pop()
    if (Array.isArray(holder)) for (const key of holder.keys()) places.push({ holder, key })
    else if (isJsonObject(holder)) for (const key of Object.keys(holder)) places.push({ holder, key })
    else continue
    waiting.push(...Object.values(holder as JsonObject))
  }
  return places
}

const read = ({ holder, key }: Place): unknown => (holder as JsonObject)[key]

function write({ holder, key }: Place, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true })
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
}

const ODD_VALUES: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -1,
  () => 1.5,
  () => 1e308,
  () => -1e308,
  () => 2 ** 53 + 2,
  () => 1e21,
  () => "",
  () => " ",
  () => "null",
  () => "NaN",
  () => "\ud800",
  () => "\udc00x\ud800",
  () => "\u0000\u0001\u001f",
  () => "👩‍👩‍👧‍👦\u202e\ufeff",
  () => "__proto__",
  () => "constructor",
  () => "data:image/png;base64,AAAA",
  () => "data:,",
  () => "http://",
  () => "cx1.abc.def",
  () => "cx1.",
  () => [],
  () => [null],
  () => [[]],
  () => [{}],
  () => ({}),
  () => ({ type: "text" }),
  () => ({ type: "text", text: "x" }),
  () => ({ type: null }),
  () => ({ type: "function", name: "f" }),
  () => ({ role: "user", content: "x" }),
  () => ({ toString: 1, valueOf: 2, toJSON: 3 }),
]

/** A value that has no business where it is put. */
export const oddValue = (random: SeededRandom): unknown => random.pick(ODD_VALUES)()

const TYPE_WORDS = [
  ..."text input_text output_text image input_image input_file image_url refusal message reasoning".split(
    " ",
  ),
  ..."function function_call function_call_output custom custom_tool_call custom_tool_call_output".split(" "),
  ..."tool_use tool_result thinking redacted_thinking server_tool_use web_search_tool_result".split(" "),
  ..."web_search web_search_20250305 namespace tool_search tool_search_call tool_search_output".split(" "),
  ..."compaction compaction_trigger item_reference json_schema json_object auto none any tool required".split(
    " ",
  ),
  ..."user assistant system developer tool critic web_search_call document search_result ephemeral mcp".split(
    " ",
  ),
]

type Act = (random: SeededRandom, place: Place, all: readonly Place[]) => void

const ACTS: readonly Act[] = [
  (random, place) => write(place, oddValue(random)),
  (random, place) => write(place, oddValue(random)),
  (_, place) => remove(place),
  (random, place, all) => write(place, structuredClone(read(random.pick(all)))),
  (random, place, all) => {
    const other = random.pick(all)
    const value = structuredClone(read(place))
    write(place, structuredClone(read(other)))
    write(other, value)
  },
  (_, { holder, key }) => {
    if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(holder[Number(key)]))
    else holder[String(key).toUpperCase()] = holder[key]
  },
  (random, place) => write(place, random.chance(0.5) ? [read(place)] : { type: "text", text: read(place) }),
  (random, place) => {
    const value = read(place)
    if (typeof value === "string") write(place, damageText(random, value))
    else if (typeof value === "number") write(place, damageNumber(random, value))
    else write(place, oddValue(random))
  },
  (random, { holder }) => {
    if (Array.isArray(holder)) holder.push(oddValue(random))
    else
      write(
        { holder, key: random.pick(["x", "__proto__", "Model", "type", "stream", "id"]) },
        oddValue(random),
      )
  },
  (random, place) => write(place, random.pick(TYPE_WORDS)),
  (random, place) => write(place, nested(random.between(2, 200))),
  (_, place) => {
    const value = read(place)
    if (Array.isArray(value)) value.reverse()
    else if (typeof value === "string") write(place, Number(value))
    else write(place, JSON.stringify(value))
  },
]

function damageText(random: SeededRandom, text: string): string {
  const at = random.int(text.length + 1)
  const pieces = ["\ud83d", "\u0000", "é", "\n\n", "data: x\n\n", "<|endoftext|>", "%00", "../", '"', "\\"]
  switch (random.int(5)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text + text
    case 2:
      return text.slice(0, at) + random.pick(pieces) + text.slice(at)
    case 3:
      return random.chance(0.02) ? "long ".repeat(random.between(1_000, 60_000)) : text.toUpperCase()
    default:
      return "x".repeat(random.pick([63, 64, 65, 200, 513, 5_000]))
  }
}

const damageNumber = (random: SeededRandom, value: number): number =>
  random.pick([-value, value + 0.5, value * 1e6, value * 1e300, 0, Number.MAX_SAFE_INTEGER + 2, -0])

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { properties: value }
  return value
}

/** A copy with `count` things wrong; a value without members may come back as something else. */
export function damageValue(random: SeededRandom, value: unknown, count: number): unknown {
  const holder = [structuredClone(value)]
  for (let step = 0; step < count; step++) {
    const all = placesOf(holder)
    if (all.length === 0) break
    // The root itself is seldom what is wrong.
    const place = all.length > 1 && random.chance(0.98) ? all[random.between(1, all.length - 1)]! : all[0]!
    random.pick(ACTS)(random, place, all)
  }
  return holder[0]
}

type Edit = (random: SeededRandom, text: string) => string

const EDITS: readonly Edit[] = [
  (random, text) => text.slice(0, random.int(text.length + 1)),
  (_, text) => text.replace("{", '{"model":"fuzz-openai-chat",'),
  (_, text) => text.replace("{", '{"Model":"x","STREAM":true,'),
  (_, text) => text.replace("{", '{"stream":true,"stream":false,'),
  (random, text) =>
    text.replace(/:\s*-?\d+/, random.pick([":1e999", ":-0", ":NaN", ":01", ":1e-400", ":+1"])),
  (_, text) => `\ufeff${text}`,
  (_, text) => text.replace(/"(\w)/, '"\\ud800$1'),
  (_, text) => text.replace(/"(\w)/, '"\\u006d$1'),
  (random, text) => {
    const depth = random.pick([100, 1_000, 5_000, 20_000])
    return text.replace(
      "{",
      `{"${random.pick(["x", "metadata", "input", "messages", "tools"])}":${deep(depth)},`,
    )
  },
  (_, text) => `${text} ${text}`,
  (_, text) => ` \n\t${text}\r\n`,
  (_, text) => text.replaceAll('"', "'"),
  (_, text) => text.replace("}", ",}"),
  (_, text) => `[${text}]`,
  (_, text) => JSON.stringify(text),
  () => "",
  () => "null",
  () => "[]",
  () => "{}",
  () => "model=gpt&stream=true",
]

const deep = (depth: number): string => "[".repeat(depth) + "]".repeat(depth)

/** JSON text with one thing wrong that no parsed value could show. */
export const damageJson = (random: SeededRandom, text: string): string => random.pick(EDITS)(random, text)

/** Random bytes, or the text with some of its bytes changed: mostly no UTF-8 any more. */
export function damageBytes(random: SeededRandom, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes)
  if (copy.length === 0 || random.chance(0.1))
    return Uint8Array.from({ length: random.int(300) }, () => random.int(256))
  for (let count = random.between(1, 4); count > 0; count--) copy[random.int(copy.length)] = random.int(256)
  return copy
}
