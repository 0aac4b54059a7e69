/** Writes items as `input` of a Responses request; the request around it is write-request's. */
import type { JsonObject } from "../json.ts"
import { parseObject, present } from "../json.ts"
import type { Item, MessageItem, Part, ReasoningItem, ToolCallItem } from "../model-request.ts"
import type { WireInputItem, WirePart } from "./wire.ts"
import { writeTool } from "./write-tools.ts"

/** The wire items of one item: one, or none when only another protocol could say it. */
export function writeItem(item: Item): WireInputItem[] {
  switch (item.kind) {
    case "message":
      return [writeMessage(item)]
    case "reasoning":
      return [writeReasoning(item)]
    case "tool-call":
      return [writeCall(item)]
    case "tool-result":
      return [
        {
          type: item.tool === "custom" ? "custom_tool_call_output" : "function_call_output",
          call_id: item.call_id,
          output: writeOutput(item.output),
        },
      ]
    case "tool-search-result":
      return [
        {
          type: "tool_search_output",
          call_id: item.call_id,
          status: "completed",
          execution: "client",
          tools: item.tools.flatMap(writeTool),
        },
      ]
    case "hosted-call":
      return [item.raw]
    case "raw":
      return item.protocol === "openai-responses" ? [item.raw] : []
  }
}

function writeMessage(item: MessageItem): WireInputItem {
  const text_type = item.role === "assistant" ? "output_text" : "input_text"
  const content = item.parts.flatMap(part => writePart(part, text_type))
  return present({ type: "message" as const, role: item.role, content, phase: item.phase })
}

/** A failed or rich result keeps its images: they must reach the model (gateway.md, tools). */
function writeOutput(output: string | Part[]): string | (WirePart | JsonObject)[] {
  return typeof output === "string" ? output : output.flatMap(part => writePart(part, "input_text"))
}

function writePart(part: Part, text_type: "input_text" | "output_text"): (WirePart | JsonObject)[] {
  switch (part.kind) {
    case "text":
      return [{ type: text_type, text: part.text }]
    case "refusal":
      return [{ type: "refusal", refusal: part.text }]
    case "image": {
      const { url, file_id, detail } = part
      return [present({ type: "input_image" as const, image_url: url, file_id: file_id, detail })]
    }
    case "file": {
      const { data, url, file_id, filename } = part
      return [
        present({ type: "input_file" as const, file_data: data, file_url: url, file_id: file_id, filename }),
      ]
    }
    case "raw":
      return part.protocol === "openai-responses" ? [part.raw] : []
  }
}

function writeReasoning(item: ReasoningItem): WireInputItem {
  return present({
    type: "reasoning" as const,
    summary: item.summary.map(text => ({ type: "summary_text" as const, text })),
    content:
      item.text.length === 0 ? undefined : item.text.map(text => ({ type: "reasoning_text" as const, text })),
    encrypted_content: item.sealed,
  })
}

function writeCall(item: ToolCallItem): WireInputItem {
  const { call_id, name, namespace } = item
  if (item.tool === "function") {
    const call = {
      type: "function_call" as const,
      name,
      namespace,
      // No arguments are an empty object (gateway.md, Tools).
      arguments: item.arguments.trim() === "" ? "{}" : item.arguments,
      call_id: call_id,
    }
    return present(call)
  }
  const status = "completed" as const
  if (item.tool === "custom") {
    const type = "custom_tool_call" as const
    return present({ type, status, call_id: call_id, name, namespace, input: item.arguments })
  }
  const query = searchArguments(item.arguments)
  return { type: "tool_search_call", call_id: call_id, status, execution: "client", arguments: query }
}

/**
 * The arguments of a tool search as the object the wire wants (codex-cli-wire 4.2).
 * A model's text that is no JSON object is taken as the query itself, so that nothing it said is lost.
 */
export function searchArguments(text: string): JsonObject {
  if (text.trim() === "") return {}
  return parseObject(text) ?? { query: text }
}
