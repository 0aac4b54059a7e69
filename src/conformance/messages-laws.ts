/** The laws of an Anthropic Messages stream as its clients need them (claude-code-wire 6, sdk-wire 3). */
import { isJsonObject, type JsonObject } from "../gateway/protocol/json.ts"
import { expectEqual, expectThat, fail } from "./finding.ts"
import { numberAt, textAt, valueAt } from "./probe.ts"

/** What a stream amounts to: the message as it would have come whole. */
export interface MessageOutcome {
  id: string
  blocks: MessageBlock[]
  stop_reason: string
  /** `message_start`'s usage, replaced member by member by `message_delta`'s. */
  usage: JsonObject
}

interface MessageBlock {
  /** Of a tool_use; empty for other blocks. */
  id: string
  type: string
  name: string
  text: string
  /** The joined `input_json_delta`s. */
  json: string
}

interface Fold extends MessageOutcome {
  open_index: number | undefined
  is_stopped: boolean
}

/** Folds the events and fails at the first broken law. */
export function foldMessageEvents(events: readonly JsonObject[]): MessageOutcome {
  const fold: Fold = {
    id: "",
    blocks: [],
    stop_reason: "",
    usage: {},
    open_index: undefined,
    is_stopped: false,
  }
  for (const event of events.filter(one => one.type !== "ping")) takeEvent(fold, event)
  expectThat(fold.is_stopped, "message_stop at the end", events.at(-1))
  const has_call = fold.blocks.some(block => block.type === "tool_use")
  expectEqual("stop_reason says tool_use", fold.stop_reason === "tool_use", has_call)
  return fold
}

function takeEvent(fold: Fold, event: JsonObject): void {
  expectThat(!fold.is_stopped, "nothing after message_stop", event)
  const is_started = fold.id !== ""
  expectThat((event.type === "message_start") !== is_started, "message_start once, and first", event)
  switch (event.type) {
    case "message_start":
      takeStart(fold, event)
      break
    case "content_block_start":
      takeBlock(fold, event)
      break
    case "content_block_delta":
      takeDelta(fold, event)
      break
    case "content_block_stop":
      expectThat(event.index === fold.open_index, "the open block to stop", event)
      fold.open_index = undefined
      break
    case "message_delta":
      takeEnd(fold, event)
      break
    case "message_stop":
      expectThat(fold.stop_reason !== "", "message_delta with a stop_reason before message_stop", event)
      fold.is_stopped = true
      break
    default:
      fail(`expected an event of this protocol; came ${JSON.stringify(event)}`)
  }
}

function takeStart(fold: Fold, event: JsonObject): void {
  const { message } = event
  fold.id = textAt(message, "id")
  expectThat(fold.id !== "", "message.id", event)
  expectEqual("message.type", valueAt(message, "type"), "message")
  expectEqual("message.role", valueAt(message, "role"), "assistant")
  expectEqual("message.content", valueAt(message, "content"), [])
  expectThat(textAt(message, "model") !== "", "message.model", event)
  takeUsage(fold, valueAt(message, "usage"), "message_start")
  expectThat(numberAt(fold.usage, "input_tokens") >= 0, "usage.input_tokens in message_start", event)
}

/** Both events need a usage, or the SDK's helper throws (sdk-wire 3). */
function takeUsage(fold: Fold, usage: unknown, where: string): void {
  expectThat(isJsonObject(usage), `usage in ${where}`, usage)
  expectThat(numberAt(usage, "output_tokens") >= 0, `usage.output_tokens in ${where}`, usage)
  fold.usage = {
    ...fold.usage,
    ...Object.fromEntries(Object.entries(usage).filter(([, one]) => one !== null)),
  }
}

function takeBlock(fold: Fold, event: JsonObject): void {
  expectThat(fold.open_index === undefined, "one open block at a time", event)
  expectThat(fold.stop_reason === "", "no block after message_delta", event)
  expectEqual("index of a new block", event.index, fold.blocks.length)
  const block = event.content_block
  const type = textAt(block, "type")
  expectThat(type !== "", "content_block.type", event)
  if (type === "tool_use") {
    expectThat(textAt(block, "id") !== "" && textAt(block, "name") !== "", "id and name of a tool_use", event)
    // Claude Code loses an input that is whole in the start (claude-code-wire 6).
    expectEqual("input of a tool_use at its start", valueAt(block, "input"), {})
  }
  fold.blocks.push({
    type,
    id: textAt(block, "id"),
    name: textAt(block, "name"),
    text: textAt(block, "text"),
    json: "",
  })
  fold.open_index = fold.blocks.length - 1
}

/** Which deltas each kind of block takes. */
const DELTAS: Record<string, readonly string[]> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
  server_tool_use: ["input_json_delta"],
}

function takeDelta(fold: Fold, event: JsonObject): void {
  const block = fold.open_index === undefined ? undefined : fold.blocks[fold.open_index]
  expectThat(
    block !== undefined && event.index === fold.open_index,
    "a delta inside its own open block",
    event,
  )
  const type = textAt(event, "delta.type")
  expectThat(DELTAS[block.type]?.includes(type) === true, `a delta of a ${block.type} block`, event)
  block.text += textAt(event, "delta.text")
  block.json += textAt(event, "delta.partial_json")
}

function takeEnd(fold: Fold, event: JsonObject): void {
  expectThat(fold.open_index === undefined, "every block closed before message_delta", event)
  fold.stop_reason = textAt(event, "delta.stop_reason") || fold.stop_reason
  takeUsage(fold, event.usage, "message_delta")
}
