/** The legacy completions protocol as the gateway uses it. */
import { describe, expect, test } from "bun:test"
import { PROTOCOLS } from "../../../../src/gateway/catalog/catalog.ts"
import type { Protocol } from "../../../../src/gateway/protocol/model-request.ts"
import { completionsClient } from "../../../../src/gateway/protocol/openai-completions/codec.ts"
import { translateRequest } from "../../../../src/gateway/protocol/translate-request.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { targetOf } from "../../../support/target.ts"

const start = { id: "cmpl-1", created_at: 1, model: "m" }

test.each(PROTOCOLS.map((protocol): [Protocol] => [protocol]))(
  "a request reaches %s upstreams unchanged",
  protocol => {
    const read = completionsClient.readRequest({ model: "m", prompt: "Once", max_tokens: 9, stop: "END" })
    if (!read.ok) throw new Error(read.message)
    const translated = translateRequest(read.request, "openai-chat", targetOf(protocol))
    expect(translated).toMatchObject({ ok: true, request: read.request, notes: [] })
  },
)

test("what is billed or refused by must not stand twice", () => {
  for (const key of ["model", "prompt", "stream", "max_tokens", "n", "best_of"]) {
    expect(completionsClient.guarded_keys).toContain(key)
  }
})

describe("an answer", () => {
  test("is collected as a completion", () => {
    expect(completionsClient.collect(start, [{ type: "answer-end", stop: "end" }])).toMatchObject({
      object: "text_completion",
      choices: [{ text: "", finish_reason: "stop" }],
    })
  })

  test("is streamed and kept to its laws", () => {
    const validator = completionsClient.startValidating()
    const writer = completionsClient.startWriting(start)
    const stream =
      writer.write({ type: "text-delta", text: "a" }) + writer.write({ type: "answer-end", stop: "end" })
    for (const event of stream.split("\n\n").slice(0, -1)) {
      const data = event.slice("data: ".length)
      validator.note(undefined, data === "[DONE]" ? data : JSON.parse(data))
    }
    expect(validator.end()).toEqual([])
  })
})

test("an error is OpenAI's", () => {
  const { status, body } = completionsClient.writeError(new AppError("invalid", "Bad.", { field: "n" }))
  expect(status).toBe(400)
  expect(JSON.parse(String(body))).toMatchObject({ error: { message: "Bad.", param: "n" } })
})
