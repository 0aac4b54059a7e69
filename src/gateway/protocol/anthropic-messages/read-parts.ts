/** Reads what stands inside messages and tool results of a Messages request: texts, images, documents. */
import { isJsonObject, type JsonObject, present, stringOf } from "../json.ts"
import type { At } from "../json-at.ts"
import { asList, asObject, asString, at, optional, refuse } from "../json-at.ts"
import type { FilePart, ImagePart, Part } from "../model-request.ts"
import { readCacheMark } from "./read-tools.ts"

/** A bare text, or a list of blocks. */
export function readParts(here: At): Part[] {
  if (typeof here.value === "string") return [{ kind: "text", text: here.value }]
  return asList(here, readPart)
}

/** One block; what only this protocol knows (search_result, container_upload …) is kept verbatim. */
export function readPart(here: At): Part {
  const raw = asObject(here)
  switch (raw.type) {
    case "text":
      return present({
        kind: "text" as const,
        text: asString(at(here, "text")),
        cache: readCacheMark(at(here, "cache_control")),
      })
    case "image":
      return readImage(here)
    case "document":
      return readDocument(here, raw)
    case "tool_reference":
      // What a tool search found; the tools themselves stand among the tools (claude-code-wire 9).
      return { kind: "text", text: `Tool loaded: ${asString(at(here, "tool_name"))}` }
    default:
      asString(at(here, "type"))
      return { kind: "raw", protocol: "anthropic-messages", raw }
  }
}

function readImage(here: At): ImagePart {
  const source = at(here, "source")
  const cache = readCacheMark(at(here, "cache_control"))
  switch (asObject(source).type) {
    case "url":
      return present({ kind: "image" as const, url: asString(at(source, "url")), cache })
    case "file":
      return present({ kind: "image" as const, file_id: asString(at(source, "file_id")), cache })
    case "base64":
      return present({ kind: "image" as const, url: readDataUrl(source), cache })
    default:
      refuse(at(source, "type"), "expected base64, url or file")
      return { kind: "image", url: "" }
  }
}

function readDataUrl(source: At): string {
  return `data:${asString(at(source, "media_type"))};base64,${asString(at(source, "data"))}`
}

function readDocument(here: At, raw: JsonObject): Part {
  const source = at(here, "source")
  const where = readDocumentSource(source)
  // Blocks inside a document (`content`) are this protocol's own.
  if (where === undefined) return { kind: "raw", protocol: "anthropic-messages", raw }
  const filename = optional(at(here, "title"), asString)
  const cache = readCacheMark(at(here, "cache_control"))
  return present({ kind: "file" as const, ...where, filename, cache })
}

function readDocumentSource(source: At): Pick<FilePart, "data" | "url" | "file_id"> | undefined {
  switch (asObject(source).type) {
    case "base64":
      return { data: readDataUrl(source) }
    case "text":
      return { data: textUrl(asString(at(source, "data"))) }
    case "url":
      return { url: asString(at(source, "url")) }
    case "file":
      return { file_id: asString(at(source, "file_id")) }
    case "content":
      return undefined
    default:
      refuse(at(source, "type"), "expected base64, text, url, file or content")
      return undefined
  }
}

const textUrl = (text: string): string => `data:text/plain;base64,${Buffer.from(text).toString("base64")}`

/** A query of a hosted search; "" when the block says none. */
export function queryOf(input: unknown): string {
  return isJsonObject(input) ? (stringOf(input.query) ?? "") : ""
}
