/** Shapes that endpoints share: cursors, times, and the pattern of amounts. */
import { describe, expect, test } from "bun:test"
import { nextCursorOf, Problem, problems, toIso, toIsoOrNull, Usd } from "../../src/platform/schema.ts"

test("only a full page has a next cursor: its last id", () => {
  const rows = [{ id: "key_3" }, { id: "key_2" }]
  expect(nextCursorOf(rows, 2)).toBe("key_2")
  expect(nextCursorOf(rows, 3)).toBeNull()
  expect(nextCursorOf([], 50)).toBeNull()
})

test("times are ISO 8601 in UTC", () => {
  expect(toIso(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe("2026-01-02T03:04:05.006Z")
  expect(toIsoOrNull(null)).toBeNull()
  expect(toIsoOrNull(0)).toBe("1970-01-01T00:00:00.000Z")
})

test("an endpoint's problems are listed by status", () => {
  expect(problems(401, 404)).toEqual({ 401: Problem, 404: Problem })
})

describe("the pattern of USD", () => {
  const pattern = new RegExp(Usd.pattern!)
  test.each(["0.00", "12.50", "-3.000000001", "9000000.00"])("takes %s", text => {
    expect(text).toMatch(pattern)
  })
  test.each(["1", "1.5", ".50", "1e3", "1.0000000001", "1,50", "$1.00", "", "1.00\n2.00"])(
    "refuses %p",
    text => {
      expect(text).not.toMatch(pattern)
    },
  )
})
