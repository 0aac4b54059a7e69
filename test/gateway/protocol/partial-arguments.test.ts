/** Completing text that came in pieces. */
import { expect, test } from "bun:test"
import { restOf, restOfArguments } from "../../../src/gateway/protocol/partial-arguments.ts"

test.each([
  ["", "whole", "whole"],
  ["who", "whole", "le"],
  ["whole", "whole", ""],
  ["oth", "whole", ""],
  ["whole", undefined, ""],
  ["whole", "who", ""],
])("after %p of %p remains %p", (sent, full, rest) => {
  expect(restOf(sent, full)).toBe(rest)
})

test("an object is due from functions and searches, not from free text", () => {
  expect(restOfArguments("function", "", "")).toBe("{}")
  expect(restOfArguments("tool_search", "", undefined)).toBe("{}")
  expect(restOfArguments("custom", "", "")).toBe("")
  expect(restOfArguments("function", '{"n":', '{"n":9007199254740993}')).toBe("9007199254740993}")
})
