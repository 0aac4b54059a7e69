/** How a refusal looks in each client's protocol: statuses, shapes, and the field it names. */
import type { Door } from "./case.ts"
import { expectEqual, expectThat } from "./finding.ts"
import { type Answer, objectOf, textAt, valueAt } from "./probe.ts"

export interface Refusal {
  status: number
  /** The field that must be named: OpenAI's `param` begins with it, Anthropic's message contains it. */
  field?: string
  /** OpenAI's `error.code`. */
  code?: string
}

/** Fails unless the answer is this refusal in the protocol of the door it was asked at. */
export function expectRefusal(answer: Answer, door: Door, refusal: Refusal): void {
  const { asked, status, text, headers } = answer
  expectThat(status === refusal.status, `${asked} to answer ${refusal.status}`, `${status} ${text}`)
  const type = headers.get("content-type") ?? ""
  expectThat(type.includes("application/json"), "a refusal of the type application/json", type)
  if (door === "/v1/messages") expectAnthropicError(answer, refusal)
  else expectOpenAiError(answer, refusal)
}

/** `{ error: { message, type, param, code } }` (sdk-wire 2). */
function expectOpenAiError(answer: Answer, { field, code }: Refusal): void {
  const body = objectOf(answer)
  const error = valueAt(body, "error")
  expectThat(textAt(body, "error.message") !== "", "error.message with words", body)
  expectThat(textAt(body, "error.type") !== "", "error.type", body)
  const has_all = typeof error === "object" && error !== null && "param" in error && "code" in error
  expectThat(has_all, "error.param and error.code, null when there is nothing to say", body)
  if (code !== undefined) expectEqual("error.code", valueAt(body, "error.code"), code)
  if (field === undefined) return
  const param = textAt(body, "error.param")
  expectThat(namesField(param, field), `error.param to name ${field}`, answer.text)
}

/** `messages` is also named by `messages[0].role` and `messages.0.role`. */
function namesField(param: string, field: string): boolean {
  return param === field || param.startsWith(`${field}[`) || param.startsWith(`${field}.`)
}

/** What Anthropic calls each status (claude-code-wire 7). */
const ANTHROPIC_TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
}

/** `{ type: "error", error: { type, message } }` (claude-code-wire 7). */
function expectAnthropicError(answer: Answer, { status, field }: Refusal): void {
  const body = objectOf(answer)
  expectEqual("type", body.type, "error")
  expectThat(textAt(body, "error.message") !== "", "error.message with words", body)
  const expected = ANTHROPIC_TYPES[status]
  if (expected !== undefined) expectEqual("error.type", valueAt(body, "error.type"), expected)
  if (field === undefined) return
  expectThat(
    textAt(body, "error.message").includes(field),
    `error.message to name ${field}`,
    textAt(body, "error.message"),
  )
}
