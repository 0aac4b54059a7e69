/** Items of a conversation for tests; translates nothing. */
import type { MessageItem, ToolCallItem, ToolResultItem } from "../../src/gateway/protocol/model-request.ts"

/** A function call as a history has it. */
export function callOf(call_id: string, changes: Partial<ToolCallItem> = {}): ToolCallItem {
  return { kind: "tool-call", tool: "function", call_id, name: "run", arguments: "{}", ...changes }
}

/** The result of a call. */
export function resultOf(call_id: string, output = `result of ${call_id}`): ToolResultItem {
  return { kind: "tool-result", tool: "function", call_id, output }
}

/** Something said. */
export function messageOf(role: MessageItem["role"], text: string): MessageItem {
  return { kind: "message", role, parts: [{ kind: "text", text }] }
}
