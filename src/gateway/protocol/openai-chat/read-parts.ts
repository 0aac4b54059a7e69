/** Reads the content of a Chat message, a string or a list of parts; whose content it is is read-messages'. */
import { present } from "../json.ts"
import type { At } from "../json-at.ts"
import { asList, asObject, asString, at, optional, refuse } from "../json-at.ts"
import type { Part } from "../model-request.ts"

/** The parts; a part that only Chat can say is kept verbatim and named by only-native.ts. */
export function readContent(here: At): Part[] {
  if (typeof here.value === "string") return [{ kind: "text", text: here.value }]
  if (Array.isArray(here.value)) return asList(here, readPart)
  refuse(here, "expected a string or a list of content parts")
  return []
}

function readPart(here: At): Part {
  const raw = asObject(here)
  switch (raw.type) {
    case "text":
      return { kind: "text", text: asString(at(here, "text")) }
    case "refusal":
      return { kind: "refusal", text: asString(at(here, "refusal")) }
    case "image_url":
      return readImage(at(here, "image_url"))
    case "file":
      return readFile(at(here, "file"))
    default:
      asString(at(here, "type"))
      return { kind: "raw", protocol: "openai-chat", raw }
  }
}

/** Some clients send the address alone instead of an object with it. */
function readImage(here: At): Part {
  if (typeof here.value === "string") return { kind: "image", url: readAddress(here) }
  asObject(here)
  const url = readAddress(at(here, "url"))
  return present({ kind: "image" as const, url, detail: optional(at(here, "detail"), asString) })
}

function readAddress(here: At): string {
  const url = asString(here)
  if (here.value === "") refuse(here, "expected the address of a picture, got an empty string")
  return url
}

function readFile(here: At): Part {
  asObject(here)
  const data = optional(at(here, "file_data"), asString)
  const file_id = optional(at(here, "file_id"), asString)
  if ((data === undefined) === (file_id === undefined)) {
    refuse(at(here, "file_data"), "expected either file_data or file_id")
  }
  return present({ kind: "file" as const, data, file_id, filename: optional(at(here, "filename"), asString) })
}
