/** A Responses upstream as OpenAI speaks it: native custom, namespaced and searched tools, sealed reasoning. */
import { failedTurn, turn as framesOf, type TurnItem } from "../responses-turns.ts"
import { openaiRefusal } from "./chat.ts"
import { responsesProblems } from "./strict-responses.ts"
import {
  DEFAULT_COUNTS,
  type Json,
  offeredName,
  type Part,
  recordsOf,
  type Turn,
  type Wire,
  wrapFreeform,
} from "./turn.ts"

/** Tools of the request and those that a tool search of the client has brought since. */
function offeredTools(request: Json): Json[] {
  const found = recordsOf(request.input).filter(item => item.type === "tool_search_output")
  return [request, ...found].flatMap(one => recordsOf(one.tools))
}

function itemOf(part: Part, request: Json): TurnItem {
  switch (part.kind) {
    case "text":
      return { type: "message", text: part.text }
    case "reasoning":
      return { type: "reasoning", encrypted: part.seal ?? "", summary: part.text }
    case "call":
      return callItem(part, request)
    case "freeform":
      return freeformItem(part, request)
    case "tool-search": {
      const { id: callId, query } = part
      if (offeredTools(request).some(tool => tool.type === "tool_search"))
        return { type: "tool_search_call", callId, query }
      return { type: "function_call", callId, name: "tool_search", arguments: { query } }
    }
    case "web-search":
      if (!offeredTools(request).some(tool => String(tool.type).startsWith("web_search")))
        throw new Error("the script searches the web, but no web_search tool was offered")
      return { type: "web_search_call", query: part.query, urls: part.results.map(({ url }) => url) }
  }
}

function callItem(part: Extract<Part, { kind: "call" }>, request: Json): TurnItem {
  const call = { type: "function_call" as const, callId: part.id, arguments: part.arguments }
  const spaces = offeredTools(request).filter(tool => tool.type === "namespace")
  const space = spaces.find(({ name }) => name === part.namespace)
  if (part.namespace && recordsOf(space?.tools).some(({ name }) => name === part.tool))
    return { ...call, name: part.tool, namespace: part.namespace }
  return { ...call, name: offeredName(functionNames(request), part) }
}

function functionNames(request: Json): string[] {
  const functions = offeredTools(request).filter(tool => tool.type === "function")
  return functions.map(tool => String(tool.name))
}

function freeformItem(part: Extract<Part, { kind: "freeform" }>, request: Json): TurnItem {
  const { id: callId, tool: name, input } = part
  const offered = offeredTools(request).find(tool => tool.name === name)
  if (offered?.type === "custom") return { type: "custom_tool_call", callId, name, input }
  const found = offeredName(functionNames(request), part)
  return { type: "function_call", callId, name: found, arguments: wrapFreeform(offered?.parameters, input) }
}

function frames(turn: Turn, request: Json): string[] {
  const items = turn.parts.map(part => itemOf(part, request))
  return framesOf(items, turn.counts ?? DEFAULT_COUNTS, {
    model: String(request.model),
    ...(turn.pieces ? { deltas: turn.pieces } : {}),
    ...(turn.stop === "length" ? { incomplete: "max_output_tokens" } : {}),
  })
}

/** The response of the last event is the whole answer. */
function whole(turn: Turn, request: Json): Json {
  const last = frames(turn, request).at(-1) ?? ""
  return JSON.parse(last.slice(last.indexOf("data: ") + 6)).response
}

const OVERFLOW =
  "Your input exceeds the context window of this model. Please adjust your input and try again."

export const responsesWire: Wire = {
  path: "/v1/responses",
  frames,
  whole,
  failureFrame: message => failedTurn("server_error", message).at(-1) ?? "",
  refusal: told => openaiRefusal(told, OVERFLOW),
  problems: responsesProblems,
}
