/** What a Responses request may ask that cannot be served here, although it is well-formed; reads no values. */
import type { Refusal } from "../codec.ts"
import { isJsonObject, type JsonObject, stringOf } from "../json.ts"

/** The first thing that is not offered: other people's stored objects, tools without a price, files without a size. */
export function findRefusal(body: JsonObject): Refusal | undefined {
  const tools = Array.isArray(body.tools) ? body.tools : []
  return findStoredReference(body) ?? findUnpricedTool(tools) ?? findForeignInput(body.input)
}

/** Stored objects at the upstream belong to the operator's account: a customer must not reach them. */
function findStoredReference(body: JsonObject): Refusal | undefined {
  if (body.previous_response_id != null) {
    return {
      field: "previous_response_id",
      message: `Previous response with id ${JSON.stringify(body.previous_response_id)} not found. Send the whole history in input.`,
      code: "previous_response_not_found",
    }
  }
  if (body.prompt != null) {
    return { field: "prompt", message: "There are no stored prompts here. Send instructions and input." }
  }
  if (body.conversation != null) {
    return {
      field: "conversation",
      message: "There is no such conversation. Send the whole history in input.",
      code: "conversation_not_found",
    }
  }
  return undefined
}

/** Tools that the client runs itself, and hosted ones that a rate card prices. */
const PRICED_TOOLS = /^(?:function|custom|namespace|tool_search|local_shell|shell|apply_patch|web_search.*)$/

/** A shell that runs in a container of the vendor's is rented by the hour; the client's own costs nothing. */
const isRented = ({ type, environment }: JsonObject): boolean =>
  type === "shell" && isJsonObject(environment) && environment.type !== "local"

/** A hosted tool without a price would be the operator's gift. */
function findUnpricedTool(tools: readonly unknown[]): Refusal | undefined {
  const index = tools.findIndex(
    tool => isJsonObject(tool) && (isRented(tool) || !PRICED_TOOLS.test(stringOf(tool.type) ?? "")),
  )
  if (index === -1) return undefined
  const type = (tools[index] as JsonObject).type
  return {
    field: `tools[${index}].type`,
    message: `The tool ${JSON.stringify(type)} is not offered here. Leave it out of tools.`,
  }
}

/** What may stand in an input: pictures are measured, references to the operator's stored objects are refused. */
function findForeignInput(input: unknown): Refusal | undefined {
  let found: Refusal | undefined
  visitParts(input, (part, path) => {
    const key = FOREIGN_KEYS.find(one => part[one] != null)
    if (key !== undefined) {
      found ??= {
        field: `${path}.${key}`,
        message: `${key} is not offered here. Send the file's data itself.`,
      }
    }
    if (part.type === "input_audio") {
      found ??= { field: path, message: "Audio is not offered here. Send its transcript instead." }
    }
    if (part.type === "item_reference") {
      found ??= {
        field: path,
        message: "There are no stored items here. Send the item itself.",
        code: "item_not_found",
      }
    }
  })
  return found
}

/** `file_url`: what an upstream would fetch has no size that could be held for. */
const FOREIGN_KEYS = ["file_id", "file_url"]

/** Calls `visit` with every item of an input and every part of its content and output. */
function visitParts(input: unknown, visit: (part: JsonObject, path: string) => void): void {
  const walk = (value: unknown, path: string, depth: number): void => {
    if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) walk(element, `${path}[${index}]`, depth)
      return
    }
    if (depth === 0 || !isJsonObject(value)) return
    visit(value, path)
    walk(value.content, `${path}.content`, depth - 1)
    walk(value.output, `${path}.output`, depth - 1)
  }
  walk(input, "input", 3)
}
