/** Arguments as objects: no digit is lost, what is no object comes back as it was. */
import { describe, expect, test } from "bun:test"
import { readRequest } from "../../../src/gateway/protocol/anthropic-messages/read-request.ts"
import { argumentsOf, parseArguments, parseExactly } from "../../../src/gateway/protocol/exact-json.ts"
import { arbitraryArguments } from "../../support/arbitrary-model.ts"
import { checkProperty } from "../../support/property.ts"

describe("arguments", () => {
  const exact = [
    '{"id":9007199254740993}',
    '{"n":123456789012345678901234567890,"e":1E400,"z":-0,"f":1.0}',
    '{"a":[{"b":0.1000000000000000055}],"s":"9007199254740993"}',
    "{}",
    '{"__proto__":{"x":1}}',
  ]
  for (const text of exact) {
    test(`${text} comes back to the letter`, () => expect(argumentsOf(parseArguments(text))).toBe(text))
  }

  test("what is no object comes back as it was, in Claude Code's own form", () => {
    for (const text of ['{"cut', "[1]", '"x"', "7", "null"]) {
      expect(parseArguments(text)).toEqual({ __unparsedToolInput: { raw: text, len: text.length } })
      expect(argumentsOf(parseArguments(text))).toBe(text)
    }
  })

  test("nothing is an empty object", () => {
    for (const text of ["", " \n"]) expect(parseArguments(text)).toEqual({})
  })

  test("any text comes back as the same JSON, or as the same text", () => {
    checkProperty(import.meta.path, arbitraryArguments, text => {
      const again = argumentsOf(parseArguments(text))
      expect(argumentsOf(parseArguments(again))).toBe(again)
      if (again !== text) expect(JSON.parse(again)).toEqual(text.trim() === "" ? {} : JSON.parse(text))
    })
  })
})

describe("bodies", () => {
  test("tool inputs keep digits that JavaScript cannot hold, and other numbers stay numbers", () => {
    const input = '{"id":9007199254740993,"big":1E400,"f":0.1}'
    const block = `{"type":"tool_use","id":"a","name":"f","input":${input}}`
    const text = `{"model":"m","max_tokens":1e2,"temperature":0.30000000000000004,"messages":[{"role":"assistant","content":[${block}]}]}`
    const read = readRequest(parseExactly(text))
    expect(read).toMatchObject({
      ok: true,
      request: {
        max_output_tokens: 100,
        temperature: 0.30000000000000004,
        items: [{ arguments: input }],
      },
    })
  })
})
