/** Reads the body of POST /chat/completions into a ModelRequest; knows no headers and no models. */
import type { ReadRequest } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import { present } from "../json.ts"
import type { At } from "../json-at.ts"
import {
  asBoolean,
  asCount,
  asList,
  asModel,
  asNumber,
  asObject,
  asStops,
  asString,
  asTexts,
  at,
  finishReading,
  optional,
  refuse,
  startAt,
} from "../json-at.ts"
import type { ModelRequest, TextFormat } from "../model-request.ts"
import { findOnlyNative } from "./only-native.ts"
import { readMessages } from "./read-messages.ts"
import { readTools } from "./read-tools.ts"

/**
 * Reads a parsed body. Unknown fields are ignored (sdk-wire 5); those dropped on purpose stand in
 * `losses.ts`.
 */
export function readRequest(body: unknown): ReadRequest {
  const root = startAt(body)
  const members = asObject(root)
  return finishReading(root, readBody(root, members))
}

function readBody(root: At, members: JsonObject): ModelRequest {
  const effort = optional(at(root, "reasoning_effort"), asString)
  checkOptions(root)
  const { instructions, items } = readMessages(at(root, "messages"))
  const only_native = findOnlyNative(members)
  return present({
    model: asModel(at(root, "model")),
    instructions,
    items,
    ...readTools(root),
    parallel_tool_calls: optional(at(root, "parallel_tool_calls"), asBoolean),
    reasoning: effort === undefined ? undefined : { effort },
    max_output_tokens: readLimit(root),
    temperature: optional(at(root, "temperature"), asNumber),
    top_p: optional(at(root, "top_p"), asNumber),
    stop: optional(at(root, "stop"), asStops),
    text_format: optional(at(root, "response_format"), readTextFormat),
    verbosity: optional(at(root, "verbosity"), asString),
    stream: optional(at(root, "stream"), asBoolean) ?? false,
    cache_key: optional(at(root, "prompt_cache_key"), asString),
    service_tier: optional(at(root, "service_tier"), asString),
    metadata: optional(at(root, "metadata"), asTexts),
    only_native: only_native.length === 0 ? undefined : only_native,
  })
}

/** What says something about the answer's form and is no part of a ModelRequest. */
function checkOptions(root: At): void {
  const options = at(root, "stream_options")
  optional(options, asObject)
  optional(at(options, "include_usage"), asBoolean)
  optional(at(root, "n"), asCount)
  optional(at(root, "logprobs"), asBoolean)
  optional(at(root, "modalities"), list => asList(list, asString))
}

/** Two names for the same limit; the older one counts where both say the same. */
function readLimit(root: At): number | undefined {
  const older = optional(at(root, "max_tokens"), asCount)
  const newer = optional(at(root, "max_completion_tokens"), asCount)
  if (older !== undefined && newer !== undefined && older !== newer) {
    refuse(at(root, "max_tokens"), "max_completion_tokens sets another limit; send one of the two")
  }
  return newer ?? older
}

function readTextFormat(here: At): TextFormat | undefined {
  const { type } = asObject(here)
  if (type === "text") return undefined
  if (type === "json_object") return { kind: "json_object" }
  if (type !== "json_schema") {
    refuse(at(here, "type"), "expected text, json_object or json_schema")
    return undefined
  }
  const format = at(here, "json_schema")
  asObject(format)
  return present({
    kind: "json_schema" as const,
    name: asString(at(format, "name")),
    description: optional(at(format, "description"), asString),
    schema: optional(at(format, "schema"), asObject) ?? {},
    strict: optional(at(format, "strict"), asBoolean),
  })
}
