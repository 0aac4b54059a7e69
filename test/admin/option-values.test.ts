/** Values of options: what is read, exactly, and what is refused with what would fit. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../src/admin/command.ts"
import { readChoice, readList, readRate, readUrl } from "../../src/admin/option-values.ts"

describe("an address", () => {
  test("is http or https, without slashes at its end", () => {
    expect(readUrl("http://127.0.0.1:8000/v1//")).toBe("http://127.0.0.1:8000/v1")
    expect(readUrl("https://api.example.com")).toBe("https://api.example.com")
  })

  test.each(["", "example.com", "ftp://example.com", "file:///etc/passwd"])("%p is refused", text => {
    expect(() => readUrl(text)).toThrow(UsageError)
    expect(() => readUrl(text)).toThrow("--base-url must be an http or https address")
  })
})

describe("a choice", () => {
  test("is one of the words, to the letter", () => {
    expect(readChoice("mode", "b", ["a", "b"])).toBe("b")
    for (const text of ["B", "", "c"]) {
      expect(() => readChoice("mode", text, ["a", "b"])).toThrow(`--mode must be one of a, b, not ${text}`)
    }
  })
})

test("a list is words between commas, without blanks", () => {
  expect(readList(" a, b ,,c ")).toEqual(["a", "b", "c"])
  expect(readList("")).toEqual([])
})

describe("a rate", () => {
  test.each([
    ["0", 0],
    ["1.25", 1_250_000],
    ["0.000001", 1],
    ["999999.999999", 999_999_999_999],
    ["0.3", 300_000],
  ])("of %s USD is exactly %d micro-USD", (raw, micros) => {
    expect(readRate({ input: raw }, "input")).toBe(micros)
  })

  test("is its fallback when it was not given, and is refused when there is none", () => {
    expect(readRate({}, "cached", 7)).toBe(7)
    expect(() => readRate({}, "input")).toThrow("--input must be USD with at most six decimals")
  })

  test.each(["-1", "1e3", "1.0000001", "1000000", "1,5", ""])("%p is refused", raw => {
    expect(() => readRate({ input: raw }, "input")).toThrow(UsageError)
  })
})
