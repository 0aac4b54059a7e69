/** The laws of a Chat Completions stream as its clients need them (sdk-wire 2); of legacy Completions too. */
import type { JsonObject } from "../gateway/protocol/json.ts"
import { expectEqual, expectThat } from "./finding.ts"
import { listAt, numberAt, textAt, valueAt } from "./probe.ts"

/** What a stream of chunks amounts to. */
export interface ChatOutcome {
  id: string
  text: string
  finish_reason: string
  calls: ChatCall[]
  /** Of the last chunk, when the client asked for it. */
  usage: unknown
}

export interface ChatCall {
  id: string
  name: string
  arguments: string
}

/** Folds the chunks of one choice and fails at the first broken law. */
export function foldChatChunks(chunks: readonly JsonObject[], shows_usage: boolean): ChatOutcome {
  const outcome: ChatOutcome = { id: "", text: "", finish_reason: "", calls: [], usage: undefined }
  outcome.id = textAt(chunks[0], "id")
  for (const [index, chunk] of chunks.entries()) {
    checkHead(chunk, outcome.id)
    const is_usage = shows_usage && index === chunks.length - 1
    if (is_usage) takeUsage(outcome, chunk)
    else takeDelta(outcome, chunk, index === 0)
  }
  expectThat(outcome.finish_reason !== "", "a finish_reason in one chunk", chunks.at(-1))
  const has_call = outcome.calls.length > 0
  expectEqual("finish_reason says tool_calls", outcome.finish_reason === "tool_calls", has_call)
  return outcome
}

function checkHead(chunk: JsonObject, id: string): void {
  expectEqual("object", chunk.object, "chat.completion.chunk")
  expectThat(id.length > 0 && chunk.id === id, `the id ${id} in every chunk`, chunk.id)
  expectThat(Number.isInteger(chunk.created), "created in Unix seconds", chunk.created)
  expectThat(Array.isArray(chunk.choices), "choices as a list, also in the usage chunk", chunk)
}

/** The last chunk: `choices: []` and the usage (sdk-wire 2). */
function takeUsage(outcome: ChatOutcome, chunk: JsonObject): void {
  expectEqual("choices of the usage chunk", chunk.choices, [])
  expectThat(chunk.usage != null, "usage in the last chunk, because it was asked for", chunk)
  outcome.usage = chunk.usage
}

function takeDelta(outcome: ChatOutcome, chunk: JsonObject, is_first: boolean): void {
  expectThat(chunk.usage == null, "no usage but in the last chunk, and only when asked for", chunk)
  for (const choice of listAt(chunk, "choices")) {
    expectEqual("choice index", valueAt(choice, "index"), 0)
    if (is_first) expectEqual("role in the first delta", valueAt(choice, "delta.role"), "assistant")
    expectThat(outcome.finish_reason === "", "nothing after the finish_reason", chunk)
    outcome.text += textAt(choice, "delta.content")
    for (const call of listAt(choice, "delta.tool_calls")) takeCall(outcome.calls, call)
    outcome.finish_reason = textAt(choice, "finish_reason")
  }
}

/** The first delta of a call carries index, id, type and name; without an index it is lost (sdk-wire 2). */
function takeCall(calls: ChatCall[], delta: unknown): void {
  const index = numberAt(delta, "index")
  const known = calls[index]
  if (known === undefined) {
    expectEqual("index of a new tool call", index, calls.length)
    const [id, name] = [textAt(delta, "id"), textAt(delta, "function.name")]
    expectThat(id !== "" && name !== "", "id and name in a call's first delta", delta)
    expectEqual("type of a call's first delta", valueAt(delta, "type"), "function")
    calls.push({ id, name, arguments: textAt(delta, "function.arguments") })
  } else {
    known.arguments += textAt(delta, "function.arguments")
  }
}
