/** What of a body must be right before any money is held, and how a refusal is said. */
import { describe, expect, test } from "bun:test"
import { decodeText, malformed, parseJson } from "../../src/gateway/asked.ts"
import { DOORS } from "../../src/gateway/door.ts"
import { AppError } from "../../src/platform/errors.ts"
import { askedOf } from "../support/asked.ts"

const refusalOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    if (error instanceof AppError) return { reason: error.reason, ...error.detail, message: error.message }
  }
  throw new Error("nothing was refused")
}

const chat = (members: string) => `{"model":"m","messages":[{"role":"user","content":"hi"}]${members}}`

describe("a body", () => {
  test("that is right gives its facts, and stays as it came", () => {
    const text = chat(', "max_tokens" : 7')
    const { admitted, members, ...asked } = askedOf(DOORS.chat, text)
    expect(asked.text).toBe(text)
    expect(members.map(({ key }) => key)).toEqual(["model", "messages", "max_tokens"])
    expect(admitted).toMatchObject({ model: "m", max_output_tokens: 7, tier: "default" })
  })

  test.each([
    ["n above 1, of which credit could be held for one", chat(',"n":2'), "n"],
    ["a member twice", chat(',"model":"other"'), "model"],
    ["a member in other letters", chat(',"Model":"other"'), "Model"],
    ["no model", '{"messages":[{"role":"user","content":"hi"}]}', "model"],
  ])("with %s is refused naming it", (_, text, field) => {
    const refusal = refusalOf(() => askedOf(DOORS.chat, text))
    expect(refusal).toMatchObject({ reason: "invalid", field })
    expect(refusal.message).toContain(field)
  })

  test("that is nested without end is refused before anybody goes down with it", () => {
    const deep = `,"tools":[{"type":"function","function":{"name":"f","parameters":${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}}}]`
    expect(refusalOf(() => askedOf(DOORS.chat, chat(deep)))).toMatchObject({
      field: "tools",
      code: "nested_too_deeply",
    })
    const schema = `,"tools":[{"type":"function","function":{"name":"f","parameters":${'{"a":'.repeat(50)}1${"}".repeat(50)}}}]`
    expect(askedOf(DOORS.chat, chat(schema)).admitted.model).toBe("m")
  })

  test("that is no UTF-8, or no JSON, is refused", () => {
    expect(refusalOf(() => decodeText(new Uint8Array([0xff])))).toMatchObject({ code: "invalid_utf8" })
    expect(refusalOf(() => parseJson("{"))).toMatchObject({ code: "invalid_json", field: "body" })
  })
})

describe("a refusal", () => {
  test.each([
    ["n", "expected a whole number above 0", "n: expected a whole number above 0."],
    ["n", "n above 1 is not offered here.", "n above 1 is not offered here."],
    ["tools[0].type", "Leave it out of tools.", "tools[0].type: Leave it out of tools."],
    ["tools", "Leave it out of tools.", "Leave it out of tools."],
    ["input", "Who input2 is?", "input: Who input2 is?"],
    [
      "speed",
      'speed: "fast" is not offered here. Leave it out.',
      'speed: "fast" is not offered here. Leave it out.',
    ],
  ])("of %p that says %p is %p: the field once, one period", (field, message, said) => {
    const error = malformed({ field, message })
    expect(error).toMatchObject({ message: said, detail: { field, code: "invalid_request" } })
  })
})
