/** What is read from unknown JSON, and the one field that a client is told when it cannot be. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { At } from "../../../src/gateway/protocol/json-at.ts"
import {
  asCount,
  asList,
  asModel,
  asStops,
  asString,
  asTexts,
  at,
  finishReading,
  optional,
  startAt,
} from "../../../src/gateway/protocol/json-at.ts"

function readOne(body: JsonObject, read: (here: At) => unknown) {
  const root = startAt(body)
  return finishReading(root, read(at(root, "field")))
}

const no = (field: string, message: string) => ({ ok: false as const, field, message })

describe("a model", () => {
  test("is a name", () => {
    expect(readOne({ field: "m" }, asModel)).toEqual({ ok: true, request: "m" })
    expect(readOne({ field: "" }, asModel)).toEqual(
      no("field", "expected the name of a model, got an empty string"),
    )
    expect(readOne({}, asModel)).toEqual(no("field", "expected a string, got nothing"))
  })
})

describe("a count", () => {
  test("is a whole number above 0 that JavaScript can hold", () => {
    expect(readOne({ field: 1 }, asCount)).toEqual({ ok: true, request: 1 })
    for (const value of [0, -1, 1.5, 2 ** 53]) {
      expect(readOne({ field: value }, asCount)).toEqual(no("field", "expected a whole number above 0"))
    }
    expect(readOne({ field: "1" }, asCount)).toEqual(no("field", "expected a number, got a string"))
  })
})

describe("texts", () => {
  test("are the members of an object, and the one that is none is named", () => {
    expect(readOne({ field: { a: "x", b: "" } }, asTexts)).toEqual({ ok: true, request: { a: "x", b: "" } })
    expect(readOne({ field: { a: "x", b: 2 } }, asTexts)).toEqual(
      no("field.b", "expected a string, got a number"),
    )
    expect(readOne({ field: [] }, asTexts)).toEqual(no("field", "expected an object, got a list"))
  })
})

describe("stop texts", () => {
  test("are one text or a list; an empty list is none", () => {
    expect(readOne({ field: "END" }, asStops)).toEqual({ ok: true, request: ["END"] })
    expect(readOne({ field: ["a", "b"] }, asStops)).toEqual({ ok: true, request: ["a", "b"] })
    expect(readOne({ field: [] }, asStops)).toEqual({ ok: true, request: undefined })
  })

  test("are never empty, because an empty one would stop every answer at once", () => {
    for (const field of ["", ["a", ""]]) {
      expect(readOne({ field }, asStops)).toEqual(no("field", "expected texts that are not empty"))
    }
    expect(readOne({ field: ["a", null] }, asStops)).toMatchObject({ ok: false, field: "field[1]" })
  })
})

describe("a reading", () => {
  test("says its first problem by the client's path", () => {
    const read = (list: At) => asList(list, one => asString(at(one, "name")))
    expect(readOne({ field: [{ name: "a" }, { name: 1 }, {}] }, read)).toEqual(
      no("field[1].name", "expected a string, got a number"),
    )
  })

  test("takes null for absent where that is allowed, and says body for the whole", () => {
    expect(readOne({ field: null }, here => optional(here, asString))).toEqual({
      ok: true,
      request: undefined,
    })
    const root = startAt(7)
    expect(finishReading(root, asString(root))).toEqual(no("body", "expected a string, got a number"))
  })
})
