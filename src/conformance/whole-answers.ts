/** Whole answers of each protocol: the members without which a client breaks, and what they say. */
import { isJsonObject, type JsonObject } from "../gateway/protocol/json.ts"
import { expectEqual, expectThat } from "./finding.ts"
import { type Answer, listAt, objectOf, parseJson, textAt, valueAt } from "./probe.ts"
import { type Counters, readChatUsage, readMessagesUsage, readResponsesUsage } from "./usages.ts"

/** What a whole answer amounts to, whichever protocol it came in. */
export interface Whole {
  body: JsonObject
  id: string
  text: string
  calls: { id: string; name: string; arguments: unknown }[]
  usage: Counters
}

/** The JSON object of a 200; fails otherwise, with what came instead. */
export function readOk(answer: Answer): JsonObject {
  const { asked, status, text, headers } = answer
  expectThat(status === 200, `${asked} to answer 200`, `${status} ${text}`)
  const type = headers.get("content-type") ?? ""
  expectThat(type.includes("application/json"), `${asked} to answer JSON`, type)
  return objectOf(answer)
}

/** A finished Responses object; one that the token limit cut counts as finished. */
export function readWholeResponse(body: JsonObject): Whole {
  expectEqual("object", body.object, "response")
  expectThat(textAt(body, "id") !== "", "an id", body)
  expectThat(["completed", "incomplete"].includes(textAt(body, "status")), "a finished response", body)
  expectThat(textAt(body, "model") !== "", "model", body)
  expectThat(Array.isArray(body.output), "output as a list", body)
  const items = listAt(body, "output")
  const parts = items.flatMap(item => listAt(item, "content").filter(isText))
  for (const part of parts) {
    // The AI SDK refuses a text part without annotations (sdk-wire 4).
    expectThat(Array.isArray(valueAt(part, "annotations")), "annotations in each output_text", part)
  }
  return {
    body,
    id: textAt(body, "id"),
    text: parts.map(part => textAt(part, "text")).join(""),
    calls: items.filter(isCall).map(call => ({
      id: textAt(call, "call_id"),
      name: textAt(call, "name"),
      arguments: valueAt(call, "arguments"),
    })),
    usage: readResponsesUsage(body.usage),
  }
}

const isText = (part: unknown): boolean => valueAt(part, "type") === "output_text"
const isCall = (item: unknown): boolean => valueAt(item, "type") === "function_call"

/** A chat completion with one choice (sdk-wire 2). */
export function readWholeChat(body: JsonObject): Whole {
  expectEqual("object", body.object, "chat.completion")
  expectThat(textAt(body, "id") !== "" && textAt(body, "model") !== "", "id and model", body)
  expectThat(Number.isInteger(body.created), "created in Unix seconds", body.created)
  const choices = listAt(body, "choices")
  expectEqual("choices", choices.length, 1)
  const [choice] = choices
  expectEqual("index", valueAt(choice, "index"), 0)
  expectEqual("role", valueAt(choice, "message.role"), "assistant")
  const content = valueAt(choice, "message.content")
  expectThat(content === null || typeof content === "string", "content as text or null", choice)
  const calls = listAt(choice, "message.tool_calls")
  expectThat(textAt(choice, "finish_reason") !== "", "a finish_reason", choice)
  const says_calls = textAt(choice, "finish_reason") === "tool_calls"
  expectEqual("finish_reason says tool_calls", says_calls, calls.length > 0)
  return {
    body,
    id: textAt(body, "id"),
    text: textAt(choice, "message.content"),
    calls: calls.map(call => ({
      id: textAt(call, "id"),
      name: textAt(call, "function.name"),
      arguments: valueAt(call, "function.arguments"),
    })),
    usage: readChatUsage(body.usage),
  }
}

/** A legacy completion with one choice (sdk-wire 2). */
export function readWholeCompletion(body: JsonObject): Whole {
  expectEqual("object", body.object, "text_completion")
  expectThat(textAt(body, "id") !== "" && textAt(body, "model") !== "", "id and model", body)
  expectThat(Number.isInteger(body.created), "created in Unix seconds", body.created)
  const [choice, ...others] = listAt(body, "choices")
  expectEqual("further choices", others, [])
  expectEqual("index", valueAt(choice, "index"), 0)
  expectThat(typeof valueAt(choice, "text") === "string", "text", choice)
  expectThat(textAt(choice, "finish_reason") !== "", "a finish_reason", choice)
  const text = textAt(choice, "text")
  return { body, id: textAt(body, "id"), text, calls: [], usage: readChatUsage(body.usage) }
}

/** One complete message object (claude-code-wire 7). */
export function readWholeMessage(body: JsonObject): Whole {
  expectEqual("type", body.type, "message")
  expectEqual("role", body.role, "assistant")
  expectThat(textAt(body, "id") !== "" && textAt(body, "model") !== "", "id and model", body)
  expectThat(Array.isArray(body.content), "content as a list", body)
  expectThat(textAt(body, "stop_reason") !== "", "a stop_reason", body)
  expectThat("stop_sequence" in body, "stop_sequence, null when none stopped it", body)
  const blocks = listAt(body, "content")
  const calls = blocks.filter(block => valueAt(block, "type") === "tool_use")
  expectEqual("stop_reason says tool_use", body.stop_reason === "tool_use", calls.length > 0)
  return {
    body,
    id: textAt(body, "id"),
    text: blocks.map(block => textAt(block, "text")).join(""),
    calls: calls.map(call => ({
      id: textAt(call, "id"),
      name: textAt(call, "name"),
      arguments: JSON.stringify(valueAt(call, "input")),
    })),
    usage: readMessagesUsage(body.usage),
  }
}

/** Fails unless the answer calls the tool of the request, with arguments that are the text of a JSON object. */
export function expectCall(calls: readonly Whole["calls"][number][]): void {
  const [call] = calls
  expectThat(call !== undefined, "a call of the tool", calls)
  expectEqual("name of the called tool", call.name, "shell_command")
  expectThat(call.id !== "", "an id of the call", call)
  // No deltas at all stand for {} (claude-code-wire 6).
  const is_object = typeof call.arguments === "string" && isJsonObject(parseJson(call.arguments || "{}"))
  expectThat(is_object, "the call's arguments as the text of a JSON object", call.arguments)
}
