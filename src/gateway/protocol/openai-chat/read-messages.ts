/** Reads `messages` of a Chat request into instructions and items; the request around it is read-request's. */
import type { At } from "../json-at.ts"
import { asList, asObject, asString, at, optional, refuse } from "../json-at.ts"
import type { Item, MessageItem, Part, TextPart, ToolCallItem } from "../model-request.ts"
import { readContent } from "./read-parts.ts"

/** What was read so far: results are told from each other by the calls before them. */
interface Reading {
  items: Item[]
  /** The kind of every call, by its id. */
  calls: Map<string, "function" | "custom">
  /** Legacy calls without an id that have no result yet, by function. */
  legacy: { name: string; call_id: string }[]
}

interface Conversation {
  instructions: TextPart[]
  items: Item[]
}

/** System and developer messages of plain text at the front are the instructions; later ones stay in place. */
export function readMessages(here: At): Conversation {
  const reading: Reading = { items: [], calls: new Map(), legacy: [] }
  asList(here, message => readMessage(reading, message))
  if (Array.isArray(here.value) && here.value.length === 0) refuse(here, "expected at least one message")
  const first = reading.items.findIndex(item => !isInstruction(item))
  const count = first === -1 ? reading.items.length : first
  const texts = reading.items.slice(0, count).flatMap(item => (item.kind === "message" ? textsOf(item) : []))
  const text = texts.join("\n\n")
  return { instructions: text === "" ? [] : [{ kind: "text", text }], items: reading.items.slice(count) }
}

function isInstruction(item: Item): boolean {
  if (item.kind !== "message" || (item.role !== "system" && item.role !== "developer")) return false
  return item.parts.every(part => part.kind === "text")
}

function textsOf(item: MessageItem): string[] {
  return item.parts.flatMap(part => (part.kind === "text" && part.text !== "" ? [part.text] : []))
}

function readMessage(reading: Reading, here: At): void {
  const { role } = asObject(here)
  switch (role) {
    case "system":
    case "developer":
    case "user":
      reading.items.push({ kind: "message", role, parts: readContent(at(here, "content")) })
      break
    case "assistant":
      readAssistant(reading, here)
      break
    case "tool":
      readToolResult(reading, here)
      break
    case "function":
      readFunctionResult(reading, here)
      break
    default:
      refuse(at(here, "role"), "expected system, developer, user, assistant, tool or function")
  }
}

/** Thinking, text and calls of one step; content may be null, absent or "" beside calls (sdk-wire 5). */
function readAssistant(reading: Reading, here: At): void {
  const thought = readThought(here)
  if (thought !== undefined) reading.items.push({ kind: "reasoning", summary: [], text: [thought] })
  const said = optional(at(here, "content"), readContent) ?? []
  const refusal = optional(at(here, "refusal"), asString) ?? ""
  const parts: Part[] = refusal === "" ? said : [...said, { kind: "refusal", text: refusal }]
  const kept = parts.filter(part => part.kind !== "text" || part.text !== "")
  if (kept.length > 0) reading.items.push({ kind: "message", role: "assistant", parts: kept })
  optional(at(here, "tool_calls"), list => asList(list, call => readCall(reading, call)))
  optional(at(here, "function_call"), call => readLegacyCall(reading, call))
}

/** `reasoning_content` is DeepSeek's word, `reasoning` OpenRouter's; agents send it back as it came (sdk-wire 5). */
function readThought(here: At): string | undefined {
  const thought = at(here, "reasoning_content")
  const other = at(here, "reasoning").value
  const text = optional(thought, asString) ?? (typeof other === "string" ? other : undefined)
  return text === "" ? undefined : text
}

function readCall(reading: Reading, here: At): void {
  const { type } = asObject(here)
  const tool = type === "custom" ? "custom" : "function"
  if (type !== undefined && type !== tool) refuse(at(here, "type"), "expected function or custom")
  const call_id = readId(at(here, "id"))
  const body = at(here, tool)
  asObject(body)
  const name = asString(at(body, "name"))
  const text = at(body, tool === "custom" ? "input" : "arguments")
  reading.calls.set(call_id, tool)
  const call: ToolCallItem = {
    kind: "tool-call",
    tool,
    call_id,
    name,
    arguments: optional(text, asString) ?? "",
  }
  reading.items.push(call)
}

function readId(here: At): string {
  const id = asString(here)
  if (here.value === "") refuse(here, "expected an id, got an empty string")
  return id
}

/** A legacy call has no id: its place gives it one, so that the same history is the same bytes. */
function readLegacyCall(reading: Reading, here: At): void {
  asObject(here)
  const call_id = `call_legacy_${reading.items.length}`
  const name = asString(at(here, "name"))
  const text = optional(at(here, "arguments"), asString) ?? ""
  reading.legacy.push({ name, call_id })
  reading.items.push({ kind: "tool-call", tool: "function", call_id, name, arguments: text })
}

function readToolResult(reading: Reading, here: At): void {
  const call_id = readId(at(here, "tool_call_id"))
  const tool = reading.calls.get(call_id) ?? "function"
  reading.items.push({ kind: "tool-result", tool, call_id, output: readOutput(at(here, "content")) })
}

function readFunctionResult(reading: Reading, here: At): void {
  const name = asString(at(here, "name"))
  const index = reading.legacy.findIndex(call => call.name === name)
  const call = reading.legacy[index]
  if (call === undefined) {
    refuse(at(here, "name"), "there is no function_call of this name before it")
    return
  }
  reading.legacy.splice(index, 1)
  const output = readOutput(at(here, "content"))
  reading.items.push({ kind: "tool-result", tool: "function", call_id: call.call_id, output })
}

/** A string, a list of parts (Qwen, sdk-wire 5), or nothing at all from a tool that says nothing. */
function readOutput(here: At): string | Part[] {
  if (here.value === null || here.value === undefined || typeof here.value === "string")
    return here.value ?? ""
  return readContent(here)
}
