/** Streams of the three vendors with thinking and tool calls, written by hand and not by our writers. */
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { choiceOf, chunkOf, named } from "./vendor-wire.ts"

export interface VendorCall {
  id: string
  name: string
  /** The arguments in the pieces in which they come. */
  pieces: string[]
}

export interface VendorTurn {
  /** Thinking, and what seals it (a signature, encrypted content); Chat has no seals. */
  thought?: { text: string; seal?: string }
  redacted?: string
  calls?: VendorCall[]
  /** The vendor's own word. */
  stop?: string
}

const USAGE = { input: 10, output: 5 }

/** The chunks of a turn. Calls of Chat come interleaved, a piece of each in turn. */
export function vendorTurn(upstream: Protocol, turn: VendorTurn): string[] {
  if (upstream === "openai-responses") return responsesTurn(turn)
  return upstream === "openai-chat" ? chatTurn(turn) : messagesTurn(turn)
}

function chatTurn({ thought, calls = [], stop }: VendorTurn): string[] {
  const starts = calls.map(({ id, name }, index) => ({
    index,
    id,
    type: "function",
    function: { name, arguments: "" },
  }))
  const longest = Math.max(0, ...calls.map(({ pieces }) => pieces.length))
  const pieces = Array.from({ length: longest }, (_, at) =>
    calls.flatMap((call, index) => {
      const piece = call.pieces[at]
      return piece === undefined
        ? []
        : [choiceOf({ tool_calls: [{ index, function: { arguments: piece } }] })]
    }),
  ).flat()
  const usage = { prompt_tokens: USAGE.input, completion_tokens: USAGE.output }
  return [
    choiceOf({ role: "assistant", content: null }),
    ...(thought ? [choiceOf({ reasoning_content: thought.text })] : []),
    ...(starts.length > 0 ? [choiceOf({ tool_calls: starts })] : []),
    ...pieces,
    choiceOf({}, stop ?? (calls.length > 0 ? "tool_calls" : "stop")),
    chunkOf({ choices: [], usage }),
    "data: [DONE]\n\n",
  ]
}

function messagesTurn({ thought, redacted, calls = [], stop }: VendorTurn): string[] {
  let index = 0
  const block = (content_block: JsonObject, deltas: JsonObject[]): string[] => {
    const place = { index: index++ }
    return [
      named("content_block_start", { ...place, content_block }),
      ...deltas.map(delta => named("content_block_delta", { ...place, delta })),
      named("content_block_stop", place),
    ]
  }
  const thinking = thought && [
    { type: "thinking_delta", thinking: thought.text },
    { type: "signature_delta", signature: thought.seal ?? "" },
  ]
  const usage = { input_tokens: USAGE.input, output_tokens: 1 }
  const message = { id: "msg_up", type: "message", role: "assistant", model: "up-1", content: [], usage }
  return [
    named("message_start", { message }),
    ...(thinking ? block({ type: "thinking", thinking: "", signature: "" }, thinking) : []),
    ...(redacted ? block({ type: "redacted_thinking", data: redacted }, []) : []),
    ...calls.flatMap(({ id, name, pieces }) =>
      block(
        { type: "tool_use", id, name, input: {} },
        pieces.map(partial_json => ({ type: "input_json_delta", partial_json })),
      ),
    ),
    named("message_delta", {
      delta: { stop_reason: stop ?? (calls.length > 0 ? "tool_use" : "end_turn"), stop_sequence: null },
      usage: { output_tokens: USAGE.output },
    }),
    named("message_stop"),
  ]
}

function responsesTurn({ thought, calls = [] }: VendorTurn): string[] {
  const output: JsonObject[] = []
  const item = (done: JsonObject, empty: JsonObject, inside: (place: JsonObject) => string[]): string[] => {
    const output_index = output.push(done) - 1
    return [
      named("response.output_item.added", { output_index, item: { ...done, ...empty } }),
      ...inside({ output_index, item_id: done.id }),
      named("response.output_item.done", { output_index, item: done }),
    ]
  }
  const summary = thought ? [{ type: "summary_text", text: thought.text }] : []
  const reasoning = { id: "rs_1", type: "reasoning", summary, encrypted_content: thought?.seal }
  const events = [
    ...(thought
      ? item(reasoning, { summary: [], encrypted_content: undefined }, place => [
          named("response.reasoning_summary_part.added", {
            ...place,
            summary_index: 0,
            part: { type: "summary_text", text: "" },
          }),
          named("response.reasoning_summary_text.delta", { ...place, summary_index: 0, delta: thought.text }),
          named("response.reasoning_summary_text.done", { ...place, summary_index: 0, text: thought.text }),
        ])
      : []),
    ...calls.flatMap(({ id, name, pieces }) => {
      const call = { id: `fc_${id}`, type: "function_call", call_id: id, name, arguments: pieces.join("") }
      return item(call, { arguments: "" }, place =>
        pieces.map(delta => named("response.function_call_arguments.delta", { ...place, delta })),
      )
    }),
  ]
  const response = { id: "resp_up", object: "response", status: "completed", model: "up-1", output }
  const usage = { input_tokens: USAGE.input, output_tokens: USAGE.output }
  return [
    named("response.created", { response: { ...response, status: "in_progress", output: [] } }),
    ...events,
    named("response.completed", { response: { ...response, usage } }),
  ]
}
