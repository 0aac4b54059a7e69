/** Reads the body of POST /completions into a ModelRequest of one user message; knows no headers and no models. */
import type { ReadRequest } from "../codec.ts"
import { present } from "../json.ts"
import type { At } from "../json-at.ts"
import {
  asBoolean,
  asCount,
  asModel,
  asNumber,
  asObject,
  asStops,
  at,
  finishReading,
  optional,
  refuse,
  startAt,
} from "../json-at.ts"
import type { ModelRequest } from "../model-request.ts"

/**
 * Reads a parsed body. Unknown fields are ignored (sdk-wire 5); those dropped on purpose stand in `losses.ts`. Without
 * `max_tokens` none is said: the original's default of 16 was made for models that did not think first.
 */
export function readRequest(body: unknown): ReadRequest {
  const root = startAt(body)
  asObject(root)
  return finishReading(root, readBody(root))
}

function readBody(root: At): ModelRequest {
  const model = asModel(at(root, "model"))
  const prompt = readPrompt(at(root, "prompt"))
  for (const [field, isTrivial] of Object.entries(ONLY_TRIVIAL)) checkTrivial(at(root, field), isTrivial)
  const options = at(root, "stream_options")
  optional(options, asObject)
  optional(at(options, "include_usage"), asBoolean)
  return present({
    model,
    instructions: [],
    items: [
      { kind: "message" as const, role: "user" as const, parts: [{ kind: "text" as const, text: prompt }] },
    ],
    tools: [],
    max_output_tokens: optional(at(root, "max_tokens"), asCount),
    temperature: optional(at(root, "temperature"), asNumber),
    top_p: optional(at(root, "top_p"), asNumber),
    stop: optional(at(root, "stop"), asStops),
    stream: optional(at(root, "stream"), asBoolean) ?? false,
  })
}

/** One text. Tokens are numbers of one vendor's vocabulary, and several prompts want several answers. */
function readPrompt(here: At): string {
  const list: unknown[] = Array.isArray(here.value) ? here.value : [here.value]
  const [prompt] = list
  if (typeof prompt === "string" && prompt !== "" && list.length === 1) return prompt
  if (list.length > 1 && list.every(one => typeof one === "string")) {
    refuse(here, "expected one prompt; send several requests")
  } else if (list.length > 0 && list.every(one => typeof one === "number" || Array.isArray(one))) {
    refuse(here, "expected a text; prompts of tokens are not offered")
  } else refuse(here, "expected a text that is not empty, or a list of one")
  return ""
}

type IsTrivial = (value: unknown) => boolean

/** What no chat model can do. Clients send the values that ask for nothing, too. */
const ONLY_TRIVIAL: { [field: string]: IsTrivial } = {
  suffix: value => value === "",
  best_of: value => value === 1,
  n: value => value === 1,
  logprobs: value => value === false,
  echo: value => value === false,
}

function checkTrivial(here: At, isTrivial: IsTrivial): void {
  if (here.value === undefined || here.value === null || isTrivial(here.value)) return
  refuse(here, "is not offered; leave it out")
}
