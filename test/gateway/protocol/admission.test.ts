/** What is checked of a request before money is held for it. */
import { describe, expect, test } from "bun:test"
import { type Admitted, admitRequest } from "../../../src/gateway/protocol/admission.ts"
import { messagesClient } from "../../../src/gateway/protocol/anthropic-messages/codec.ts"
import { responsesClient } from "../../../src/gateway/protocol/openai-responses/codec.ts"
import { listRequests, loadRequest } from "../../support/responses-fixtures.ts"

const request = { model: "gpt-5.5", input: "hi" }
const bytesOf = (body: unknown) => Buffer.byteLength(JSON.stringify(body))
const admit = (body: unknown) => admitRequest(responsesClient, body, bytesOf(body))

function admitted(body: unknown): Admitted {
  const admission = admit(body)
  if (!admission.ok) throw new Error(admission.message)
  return admission.admitted
}

describe("a request is admitted", () => {
  test("with the defaults of what it leaves out", () => {
    expect(admitted(request)).toMatchObject({
      model: "gpt-5.5",
      is_streamed: false,
      max_output_tokens: undefined,
      tier: "default",
      estimated_input_tokens: Math.ceil(bytesOf(request) / 3),
    })
  })

  test("with what it says", () => {
    const body = {
      ...request,
      input: [],
      stream: true,
      max_output_tokens: 5,
      service_tier: "priority",
      tools: [],
    }
    expect(admitted(body)).toMatchObject({ is_streamed: true, max_output_tokens: 5, tier: "priority" })
  })

  test.each([{ service_tier: "auto" }, { service_tier: null }, { service_tier: "" }])(
    "at the default tier with %j",
    part => {
      expect(admitted({ ...request, ...part }).tier).toBe("default")
    },
  )

  test("when optional members are null", () => {
    const nulls = {
      stream: null,
      max_output_tokens: null,
      tools: null,
      previous_response_id: null,
      background: null,
    }
    expect(admitted({ ...request, ...nulls })).toMatchObject({
      is_streamed: false,
      max_output_tokens: undefined,
    })
  })

  test("in every form that the Codex CLI was recorded to send", () => {
    for (const file of listRequests())
      expect(admitted(loadRequest(file))).toMatchObject({ is_streamed: true })
  })
})

describe("a request is refused, naming the field,", () => {
  test.each([
    ["body", null],
    ["body", []],
    ["body", "text"],
    ["model", { input: "hi" }],
    ["model", { ...request, model: "" }],
    ["model", { ...request, model: 5 }],
    ["input", { model: "gpt-5.5" }],
    ["input", { ...request, input: null }],
    ["input", { ...request, input: { role: "user" } }],
    ["stream", { ...request, stream: "true" }],
    ["stream", { ...request, stream: 1 }],
    ["max_output_tokens", { ...request, max_output_tokens: 0 }],
    ["max_output_tokens", { ...request, max_output_tokens: -1 }],
    ["max_output_tokens", { ...request, max_output_tokens: 1.5 }],
    ["max_output_tokens", { ...request, max_output_tokens: "5" }],
    ["max_output_tokens", { ...request, max_output_tokens: 2 ** 53 }],
    ["service_tier", { ...request, service_tier: 5 }],
    ["service_tier", { ...request, service_tier: "x".repeat(33) }],
    ["tools", { ...request, tools: {} }],
  ])("%s: %j", (field, body) => {
    expect(admit(body)).toMatchObject({ ok: false, field })
  })

  test.each([
    ["previous_response_id", { previous_response_id: "resp_1" }, "previous_response_not_found"],
    ["conversation", { conversation: "conv_1" }, "conversation_not_found"],
    ["conversation", { conversation: { id: "conv_1" } }, "conversation_not_found"],
  ])("%s, because what is stored upstream belongs to the operator: %j", (field, part, code) => {
    const admission = admit({ ...request, ...part })
    expect(admission).toMatchObject({ ok: false, field })
    expect((admission as { code?: string }).code).toBe(code)
  })
})

describe("the estimate of the input", () => {
  const picture = (url: string) => ({ type: "input_image", image_url: url })
  const estimate = (input: unknown) => admitted({ ...request, input }).estimated_input_tokens

  test("errs high: a third of the bytes, not of the characters", () => {
    expect(estimate("ü".repeat(300))).toBe(Math.ceil(bytesOf({ ...request, input: "ü".repeat(300) }) / 3))
  })

  test("counts a picture in the body as a picture, not as text", () => {
    const data = `data:image/png;base64,${"A".repeat(900_000)}`
    const inMessage = [{ role: "user", content: [picture(data), { type: "input_text", text: "?" }] }]
    const inOutput = [{ type: "function_call_output", call_id: "c", output: [picture(data)] }]
    for (const input of [inMessage, inOutput]) {
      const without = bytesOf({ ...request, input }) - data.length
      expect(estimate(input)).toBe(Math.ceil(without / 3) + 2_500)
    }
  })

  test("counts each picture, one by address too", () => {
    const message = (...urls: string[]) => [{ role: "user", content: urls.map(picture) }]
    const two = message("data:image/png;base64,AA", "data:image/png;base64,BB")
    expect(estimate(two)).toBeGreaterThan(5_000)
    const address = message("https://example.com/a.png")
    expect(estimate(address)).toBe(Math.ceil(bytesOf({ ...request, input: address }) / 3) + 2_500)
  })

  test("does not take data that stands elsewhere for a picture", () => {
    const text = `data:image/png;base64,${"A".repeat(9_000)}`
    expect(estimate([{ role: "user", content: [{ type: "input_text", text }] }])).toBeGreaterThan(3_000)
    expect(estimate([{ role: "user", content: text }])).toBeGreaterThan(3_000)
  })

  test("ends on input of any depth", () => {
    let nested: unknown = picture("data:image/png;base64,AA")
    for (let depth = 0; depth < 5_000; depth++) nested = [nested]
    const admission = admit({ ...request, input: [{ role: "user", content: nested }] })
    expect(admission).toMatchObject({ ok: false, field: "input[0].content[0]" })
  })
})

test("the longest cache that is marked anywhere is known, because writing it costs more", () => {
  const mark = (ttl?: string) => ({ cache_control: { type: "ephemeral", ...(ttl && { ttl }) } })
  const markOf = (body: object) => {
    const whole = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hi" }], ...body }
    const admission = admitRequest(messagesClient, whole, 100)
    return admission.ok ? admission.admitted.cache_write : admission
  }
  const text = { type: "text", text: "x" }
  expect(markOf({})).toBeUndefined()
  expect(markOf({ system: [{ ...text, ...mark() }] })).toBe("5m")
  expect(markOf({ tools: [{ name: "f", input_schema: { type: "object" }, ...mark("1h") }] })).toBe("1h")
  expect(
    markOf({
      system: [{ ...text, ...mark() }],
      messages: [{ role: "user", content: [{ ...text, ...mark("1h") }] }],
    }),
  ).toBe("1h")
})
