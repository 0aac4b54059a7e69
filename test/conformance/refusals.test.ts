/** Refusals in each protocol's shape: what is accepted, and which complaint each wrong one gets. */
import { describe, expect, test } from "bun:test"
import type { Answer } from "../../src/conformance/probe.ts"
import { expectRefusal } from "../../src/conformance/refusals.ts"
import { answerOf } from "./made-answers.ts"

const openAi = (change: object = {}, status = 400): Answer => {
  const error = { message: "no", type: "invalid_request_error", param: null, code: null, ...change }
  return answerOf({ error }, { status })
}
const anthropic = (change: object = {}, status = 400): Answer => {
  const error = { type: "invalid_request_error", message: "max_tokens: needed", ...change }
  return answerOf({ type: "error", error }, { status })
}

describe("OpenAI's", () => {
  test("needs no field and no code unless one is expected", () => {
    expectRefusal(openAi(), "/v1/responses", { status: 400 })
    expectRefusal(openAi({ code: "model_not_found" }, 404), "/v1/completions", {
      status: 404,
      code: "model_not_found",
    })
  })

  test.each(["messages", "messages[0].role", "messages.0.content"])("may name a field as %s", param => {
    expectRefusal(openAi({ param }), "/v1/chat/completions", { status: 400, field: "messages" })
  })

  test.each([
    ["another status", openAi({}, 422), "to answer 400; came 422"],
    ["another field", openAi({ param: "model" }), "error.param to name messages"],
    ["a field that only begins alike", openAi({ param: "messages_count" }), "error.param to name messages"],
    ["no field", openAi(), "error.param to name messages"],
    ["no words", openAi({ message: "" }), "error.message"],
    ["no type", openAi({ type: null }), "error.type"],
    ["no error", answerOf({ detail: "no" }, { status: 400 }), "error.message"],
    ["no JSON", answerOf("<h1>", { status: 400 }), "a JSON object"],
    ["no JSON type", answerOf("{}", { status: 400, type: "text/html" }), "application/json"],
    [
      "no param and no code",
      answerOf({ error: { message: "no", type: "x" } }, { status: 400 }),
      "error.param and error.code",
    ],
  ])("is wrong with %s", (_, answer, complaint) => {
    const check = () => expectRefusal(answer, "/v1/chat/completions", { status: 400, field: "messages" })
    expect(check).toThrow(complaint)
  })
})

describe("Anthropic's", () => {
  test("names the field in its message", () => {
    expectRefusal(anthropic(), "/v1/messages", { status: 400, field: "max_tokens" })
  })

  test.each([
    [401, "authentication_error"],
    [404, "not_found_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
  ])("of status %d is called %s", (status, type) => {
    expectRefusal(anthropic({ type }, status), "/v1/messages", { status })
    expect(() => expectRefusal(anthropic({ type: "other" }, status), "/v1/messages", { status })).toThrow(
      type,
    )
  })

  test.each([
    ["OpenAI's shape", openAi(), "type to be error"],
    ["another field", anthropic({ message: "model: needed" }), "error.message to name max_tokens"],
    ["no words", anthropic({ message: "" }), "error.message with words"],
  ])("is wrong with %s", (_, answer, complaint) => {
    expect(() => expectRefusal(answer, "/v1/messages", { status: 400, field: "max_tokens" })).toThrow(
      complaint,
    )
  })
})
