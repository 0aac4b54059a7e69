/** Tools, calls and histories in the words of each client that has tools; asks nobody. */
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { UPSTREAM_PROTOCOLS } from "./pairs.ts"

export const TOOL_CLIENTS = ["openai-responses", "openai-chat", "anthropic-messages"] as const
export type ToolClient = (typeof TOOL_CLIENTS)[number]
export const TOOL_PAIRS: [string, { client: ToolClient; upstream: Protocol }][] = TOOL_CLIENTS.flatMap(
  client =>
    UPSTREAM_PROTOCOLS.map((upstream): [string, { client: ToolClient; upstream: Protocol }] => [
      `${client} on ${upstream}`,
      { client, upstream },
    ]),
)

export const schema = { type: "object", properties: { a: { type: "number" } } }

/** A function in the client's words. */
export function toolOf(client: ToolClient, name: string): JsonObject {
  if (client === "anthropic-messages") return { name, input_schema: schema }
  if (client === "openai-chat") return { type: "function", function: { name, parameters: schema } }
  return { type: "function", name, parameters: schema }
}

/** A step of calls and results in the client's words, after a question; `said` are the arguments as JSON text. */
export function historyOf(
  client: ToolClient,
  calls: { id: string; name: string; said: string; answer: JsonObject | string }[],
): string {
  const question = JSON.stringify({ role: "user", content: "do it" })
  const q = (value: unknown) => JSON.stringify(value)
  if (client === "anthropic-messages") {
    const uses = calls.map(
      ({ id, name, said }) => `{"type":"tool_use","id":${q(id)},"name":${q(name)},"input":${said}}`,
    )
    const results = calls.map(({ id, answer }) => ({
      type: "tool_result",
      tool_use_id: id,
      content: typeof answer === "string" ? answer : [answer],
    }))
    return `[${question},{"role":"assistant","content":[${uses}]},${q({ role: "user", content: results })}]`
  }
  if (client === "openai-chat") {
    const made = calls.map(({ id, name, said }) => ({
      id,
      type: "function",
      function: { name, arguments: said },
    }))
    const results = calls.map(({ id, answer }) => ({ role: "tool", tool_call_id: id, content: answer }))
    return `[${question},${q({ role: "assistant", content: null, tool_calls: made })},${results.map(q)}]`
  }
  const items = [
    ...calls.map(({ id, name, said }) => ({ type: "function_call", call_id: id, name, arguments: said })),
    ...calls.map(({ id, answer }) => ({
      type: "function_call_output",
      call_id: id,
      output: typeof answer === "string" ? answer : [answer],
    })),
  ]
  return `[${question},${items.map(q)}]`
}

/** Where a body has its conversation. */
export const placeOf = (client: ToolClient): string => (client === "openai-responses" ? "input" : "messages")
