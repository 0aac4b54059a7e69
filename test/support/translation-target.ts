/** Targets of translations for tests; reads no catalogue. */
import type { Item, Protocol, ToolCallItem } from "../../src/gateway/protocol/model-request.ts"
import type { Quirk, Target } from "../../src/gateway/protocol/target.ts"

export const PROTOCOLS: readonly Protocol[] = ["openai-responses", "openai-chat", "anthropic-messages"]

/** An upstream named `here` without quirks, unless some are named. */
export function targetOf(protocol: Protocol, ...quirks: Quirk[]): Target {
  return {
    protocol,
    upstream_id: "here",
    model: "model-y",
    quirks: new Set(quirks),
    tool_name_length: 64,
    max_output_tokens: 4096,
    reasoning_efforts: [],
  }
}

/** A function call as a history has it. */
export function callOf(call_id: string, changes: Partial<ToolCallItem> = {}): ToolCallItem {
  return { kind: "tool-call", tool: "function", call_id, name: "run", arguments: "{}", ...changes }
}

/** The result of a call. */
export function resultOf(call_id: string, output = `result of ${call_id}`): Item {
  return { kind: "tool-result", tool: "function", call_id, output }
}

/** Something said. */
export function messageOf(role: "user" | "assistant" | "developer", text: string): Item {
  return { kind: "message", role, parts: [{ kind: "text", text }] }
}
