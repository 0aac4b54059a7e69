/** Writes what stands inside messages and tool results: texts, images, documents; knows no turns. */
import { present } from "../json.ts"
import type { CacheMark, FilePart, ImagePart, Part } from "../model-request.ts"
import type { Target } from "../target.ts"
import type { WireBlock, WireCacheControl, WireSource } from "./wire.ts"

/** A mark of five minutes is the wire's default and says no time. */
export function writeCacheMark(cache: CacheMark | undefined): WireCacheControl | undefined {
  if (cache === undefined) return undefined
  return cache === "1h" ? { type: "ephemeral", ttl: "1h" } : { type: "ephemeral" }
}

/** The blocks of some parts. Blank texts are left out, because the upstream refuses them (gateway.md). */
export function writeParts(parts: readonly Part[], target: Target): WireBlock[] {
  return parts.flatMap(part => writePart(part, target))
}

/** A text block, or none for a blank text. */
export function writeText(text: string, cache?: CacheMark): WireBlock[] {
  if (text.trim() === "") return []
  return [present({ type: "text" as const, text, cache_control: writeCacheMark(cache) })]
}

function writePart(part: Part, target: Target): WireBlock[] {
  switch (part.kind) {
    case "text":
      return writeText(part.text, part.cache)
    case "refusal":
      return writeText(part.text)
    case "image":
      if (target.quirks.has("no-images"))
        return writeText("[An image was left out: this model takes text only.]")
      return writeSourced("image", imageSource(part), part)
    case "file":
      return writeSourced("document", fileSource(part), part)
    case "raw":
      return part.protocol === "anthropic-messages" ? [part.raw as WireBlock] : []
  }
}

function writeSourced(
  type: "image" | "document",
  source: WireSource | undefined,
  { cache, filename }: { cache?: CacheMark; filename?: string },
): WireBlock[] {
  if (source === undefined) return []
  const title = type === "document" ? filename : undefined
  return [present({ type, source, title, cache_control: writeCacheMark(cache) }) as WireBlock]
}

function imageSource({ url, file_id }: ImagePart): WireSource | undefined {
  if (url === undefined) return file_id === undefined ? undefined : { type: "file", file_id }
  return readDataUrl(url) ?? { type: "url", url }
}

/** Bytes without a data URL are a PDF: the only files that the Responses protocol takes bare. */
function fileSource({ data, url, file_id }: FilePart): WireSource | undefined {
  if (data !== undefined) {
    const source = readDataUrl(data) ?? { type: "base64" as const, media_type: "application/pdf", data }
    return source.type === "base64" ? asPlainText(source) : source
  }
  if (url !== undefined) return { type: "url", url }
  return file_id === undefined ? undefined : { type: "file", file_id }
}

function readDataUrl(url: string): WireSource | undefined {
  const [, media_type, data] = /^data:([^;,]*)(?:;[^;,]*)*;base64,(.*)$/s.exec(url) ?? []
  if (media_type === undefined || data === undefined) return undefined
  return { type: "base64", media_type, data }
}

/** Documents are PDFs or text: every other kind of text is sent as plain text. */
function asPlainText(source: WireSource & { type: "base64" }): WireSource {
  const is_text = /^(?:text\/|application\/json)/.test(source.media_type)
  if (!is_text) return source
  const data = Buffer.from(source.data, "base64").toString("utf8")
  return { type: "text", media_type: "text/plain", data }
}
