/** What a Chat upstream says when it fails, in a stream or instead of an answer; decides no retry. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, stringOf } from "../json.ts"
import type { UpstreamFailure } from "../sniffed.ts"

const UNSAID = "The upstream failed without saying why."

/**
 * The failure of a chunk, a choice or a body; `undefined` when it is none. Known forms: `{error: {…}}` (sdk-wire 2),
 * `{error: "text"}`, a number as code (OpenRouter), and vLLM's flat `{object: "error", message, type, code}`.
 */
export function readFailure(wire: JsonObject): UpstreamFailure | undefined {
  const { error } = wire
  if (isJsonObject(error)) return { code: codeOf(error), message: stringOf(error.message) || UNSAID }
  if (typeof error === "string" && error !== "") return { code: "server_error", message: error }
  // The official SDKs throw on whatever stands there.
  if (error && typeof error !== "string") return { code: "server_error", message: UNSAID }
  if (wire.object !== "error") return undefined
  return { code: codeOf(wire), message: stringOf(wire.message) || UNSAID }
}

/** In OpenAI's words: a code where there is one, else the type; numbers are statuses. */
function codeOf({ code, type }: JsonObject): string {
  const word = stringOf(code) || (typeof code === "number" ? String(code) : stringOf(type)) || ""
  if (word === "429" || word === "rate_limit_error") return "rate_limit_exceeded"
  return word === "" || word === "error" || /^\d+$/.test(word) ? "server_error" : word
}
