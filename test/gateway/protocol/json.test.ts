/** What a text says as a JSON object, and what an object without its undefined members is. */
import { expect, test } from "bun:test"
import { parseObject, present, stringOf } from "../../../src/gateway/protocol/json.ts"

test("a text says an object, or nothing", () => {
  expect(parseObject('{"a":[1]}')).toEqual({ a: [1] })
  for (const text of ["", "{", "[]", "null", '"a"', "1", "[DONE]"]) expect(parseObject(text)).toBeUndefined()
})

test("absent members are left out, null stays", () => {
  expect(Object.keys(present({ a: undefined, b: null, c: 0 }))).toEqual(["b", "c"])
})

test("a string is itself, also when it is empty", () => {
  expect([stringOf(""), stringOf("a"), stringOf(1), stringOf(null)]).toEqual(["", "a", undefined, undefined])
})
