/** A legacy completion request as one user message. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { readRequest } from "../../../../src/gateway/protocol/openai-completions/read-request.ts"
import { arbitraryText } from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"

const plain = { model: "m", prompt: "Once" }

/** The refused field and why, or the request. */
function read(body: object) {
  const result = readRequest({ ...plain, ...body })
  return result.ok ? result.request : `${result.field}: ${result.message}`
}

describe("a request", () => {
  test("is one user message and says nothing that the client did not", () => {
    expect(read({})).toEqual({
      model: "m",
      instructions: [],
      items: [{ kind: "message", role: "user", parts: [{ kind: "text", text: "Once" }] }],
      tools: [],
      stream: false,
    })
  })

  test("keeps its limits and wishes", () => {
    const wishes = { max_tokens: 5, temperature: 0.5, top_p: 0.9, stop: ["\n", "END"], stream: true }
    expect(read({ ...wishes, stream_options: { include_usage: true } })).toMatchObject({
      max_output_tokens: 5,
      temperature: 0.5,
      top_p: 0.9,
      stop: ["\n", "END"],
      stream: true,
    })
  })

  test("may have its prompt in a list, its stop alone, and null for what is not set", () => {
    expect(read({ prompt: ["Once"] })).toEqual(read({}))
    expect(read({ stop: "END" })).toMatchObject({ stop: ["END"] })
    expect(read({ stop: [] })).toEqual(read({}))
    const unset = { max_tokens: null, temperature: null, stop: null, stream: null, stream_options: null }
    expect(read(unset)).toEqual(read({}))
  })
})

describe("what no chat model can do", () => {
  test.each([
    ["suffix", "."],
    ["best_of", 3],
    ["n", 2],
    ["logprobs", 0],
    ["logprobs", 5],
    ["echo", true],
  ])("%s %p is refused", (field, value) => {
    expect(read({ [field]: value })).toBe(`${field}: is not offered; leave it out`)
  })

  test("is fine while it asks for nothing", () => {
    const trivial = { suffix: "", best_of: 1, n: 1, logprobs: false, echo: false }
    expect(read(trivial)).toEqual(read({}))
    const unset = Object.fromEntries(Object.keys(trivial).map(field => [field, null]))
    expect(read(unset)).toEqual(read({}))
  })
})

describe("a prompt", () => {
  test.each([
    [[1, 2, 3], "expected a text; prompts of tokens are not offered"],
    [[[1], [2]], "expected a text; prompts of tokens are not offered"],
    [["a", "b"], "expected one prompt; send several requests"],
    ["", "expected a text that is not empty, or a list of one"],
    [[], "expected a text that is not empty, or a list of one"],
    [null, "expected a text that is not empty, or a list of one"],
    [{ text: "a" }, "expected a text that is not empty, or a list of one"],
  ])("%j is refused", (prompt, message) => {
    expect(read({ prompt })).toBe(`prompt: ${message}`)
  })

  test("of any text arrives to the letter", () => {
    checkProperty(import.meta.path, arbitraryText, prompt => {
      expect(read({ prompt })).toMatchObject({ items: [{ parts: [{ text: prompt }] }] })
    })
  })
})

describe("a malformed field is named", () => {
  test.each<[object, string]>([
    [{ model: undefined }, "model"],
    [{ model: "" }, "model"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_tokens: 1.5 }, "max_tokens"],
    [{ max_tokens: "5" }, "max_tokens"],
    [{ temperature: "hot" }, "temperature"],
    [{ top_p: [] }, "top_p"],
    [{ stop: 7 }, "stop"],
    [{ stop: ["a", 7] }, "stop[1]"],
    [{ stop: "" }, "stop"],
    [{ stream: "yes" }, "stream"],
    [{ stream_options: true }, "stream_options"],
    [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
  ])("%j", (body, field) => {
    expect(read(body)).toStartWith(`${field}: `)
  })

  test.each([[null], ["text"], [[]], [7]])("a body that is %j", body => {
    expect(readRequest(body)).toMatchObject({ ok: false, field: "body" })
  })

  test("and nothing is thrown for any JSON", () => {
    const bodies = fc.oneof(fc.jsonValue(), fc.record({ model: fc.jsonValue(), prompt: fc.jsonValue() }))
    checkProperty(import.meta.path, bodies, body => {
      expect(typeof readRequest(body).ok).toBe("boolean")
    })
  })
})
