/** Writes the content of a Chat message; whose content it is is write-messages'. */
import { present } from "../json.ts"
import type { FilePart, ImagePart, Part } from "../model-request.ts"
import type { Target } from "../target.ts"
import type { WirePart } from "./wire.ts"

/** Parts as the upstream takes them; empty texts are left out (gateway.md: some refuse them). */
export function writeParts(parts: readonly Part[], target: Target): WirePart[] {
  return parts.flatMap(part => writePart(part, target))
}

function writePart(part: Part, target: Target): WirePart[] {
  switch (part.kind) {
    case "text":
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text }]
    case "image":
      return [writeImage(part, target)]
    case "file":
      return [writeFile(part)]
    case "raw":
      return part.protocol === "openai-chat" ? [part.raw] : []
  }
}

/** The words for how closely a picture is looked at; others (Responses' `original`) are refused. */
const DETAILS = new Set(["auto", "low", "high"])

/** Quirk no-images. An uploaded picture has no address: Chat cannot say it, and the model is told so. */
function writeImage({ url, detail }: ImagePart, { quirks }: Target): WirePart {
  if (quirks.has("no-images")) return note("A picture was left out: this model reads text only.")
  if (url === undefined) return note("A picture was left out: it is stored elsewhere.")
  const known = detail !== undefined && DETAILS.has(detail) ? detail : undefined
  return { type: "image_url", image_url: present({ url, detail: known }) }
}

function writeFile({ data, file_id, filename }: FilePart): WirePart {
  if (data === undefined && file_id === undefined) return note("A file was left out: it is stored elsewhere.")
  return { type: "file", file: present({ file_data: data, file_id, filename }) }
}

const note = (text: string): WirePart => ({ type: "text", text: `[${text}]` })

/** The texts of parts as one text; several upstreams take nothing else from system, assistant and tool (DeepSeek). */
export function joinTexts(parts: readonly WirePart[]): string {
  return parts.flatMap(part => (isText(part) ? [part.text] : [])).join("\n\n")
}

/** Whether a part is text. */
export function isText(part: WirePart): part is { type: "text"; text: string } {
  return part.type === "text" && typeof part.text === "string"
}

/** Content of a user message: one text as long as it is only text, else the list. */
export function writeContent(parts: readonly WirePart[]): string | WirePart[] {
  return parts.every(isText) ? joinTexts(parts) : [...parts]
}
