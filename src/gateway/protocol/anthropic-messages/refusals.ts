/** What a Messages request may ask that cannot be served here, although it is well-formed; reads no values. */
import type { Refusal } from "../codec.ts"
import { isJsonObject, type JsonObject } from "../json.ts"

/** The first thing that is not offered: tools without a price, other people's stored objects, files without a size. */
export function findRefusal(body: JsonObject): Refusal | undefined {
  return (
    findUnpricedTool(body) ??
    findUnpricedMode(body) ??
    findStoredReference(body) ??
    findForeignSource("messages", body.messages) ??
    findForeignSource("system", body.system)
  )
}

/** The client's own tools, those of Anthropic's that the client runs, and the hosted one that a rate card prices. */
const PRICED_TOOLS =
  /^(?:custom|web_search_\d+|bash_\d+|text_editor_\d+|computer_\d+|memory_\d+|tool_search_tool_\w+)$/

/** A hosted tool without a price would be the operator's gift. */
export function findUnpricedTool(body: unknown): Refusal | undefined {
  const tools = isJsonObject(body) && Array.isArray(body.tools) ? body.tools : []
  const index = tools.findIndex(
    tool => isJsonObject(tool) && !PRICED_TOOLS.test(String(tool.type ?? "custom")),
  )
  if (index === -1) return undefined
  const type = JSON.stringify((tools[index] as JsonObject).type)
  return {
    field: `tools[${index}].type`,
    message: `The tool ${type} is not offered here. Leave it out of tools.`,
  }
}

/** Modes by which the upstream charges more than its list price. */
function findUnpricedMode(body: JsonObject): Refusal | undefined {
  const field = ["speed", "inference_geo"].find(key => body[key] != null && !PLAIN_MODES.has(body[key]))
  if (field === undefined) return undefined
  return { field, message: `${field}: ${JSON.stringify(body[field])} is not offered here. Leave it out.` }
}

const PLAIN_MODES = new Set<unknown>(["standard", "global"])

/** What lives at the upstream belongs to the operator's account: a customer must not reach it. */
function findStoredReference(body: JsonObject): Refusal | undefined {
  if (Array.isArray(body.mcp_servers) && body.mcp_servers.length > 0) {
    return { field: "mcp_servers", message: "MCP servers are not called from here. Run them in the client." }
  }
  if (body.container != null) {
    return { field: "container", message: "There are no containers here. Leave container out." }
  }
  const thread = isJsonObject(body.thread) ? body.thread : {}
  if (thread.previous_message_id != null) {
    return {
      field: "thread.previous_message_id",
      message: "There are no stored messages here. Send the whole history in messages.",
    }
  }
  return undefined
}

/** A file of the operator's account, or a document at an address: the upstream fetches what no hold was made for. */
function findForeignSource(field: "messages" | "system", blocks: unknown): Refusal | undefined {
  let found: Refusal | undefined
  const walk = (value: unknown, path: string, depth: number): void => {
    if (found || depth > DEEPEST) return
    if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) walk(element, `${path}[${index}]`, depth + 1)
      return
    }
    if (!isJsonObject(value)) return
    found = refuseSource(value, path)
    walk(value.content, `${path}.content`, depth + 1)
    if (isJsonObject(value.source)) walk(value.source.content, `${path}.source.content`, depth + 1)
  }
  walk(blocks, field, 0)
  return found
}

/** A picture in a document in a tool result lies nine lists and objects deep; nothing legal lies deeper. */
const DEEPEST = 12

function refuseSource(block: JsonObject, path: string): Refusal | undefined {
  if (block.type === "container_upload") {
    return { field: `${path}.type`, message: "There are no containers here. Send the file's data itself." }
  }
  const source = isJsonObject(block.source) ? block.source : {}
  const is_foreign = source.type === "file" || (source.type === "url" && block.type === "document")
  if (!is_foreign) return undefined
  return {
    field: `${path}.source.type`,
    message: `A source of type ${JSON.stringify(source.type)} is not offered here. Send the data itself.`,
  }
}
