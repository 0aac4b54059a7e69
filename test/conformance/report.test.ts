/** What a run looks like on a terminal. */
import { expect, test } from "bun:test"
import { renderReport, totalsOf } from "../../src/conformance/report.ts"
import type { Result } from "../../src/conformance/run.ts"

const resultOf = (change: Partial<Result>): Result => ({
  id: "chat.whole",
  group: "chat",
  title: "answers whole",
  result: "pass",
  ms: 12,
  finding: "",
  ...change,
})

const RESULTS = [
  resultOf({}),
  resultOf({ id: "chat.stream", result: "FAIL", finding: `expected one [DONE]; came ${"x".repeat(300)}` }),
  resultOf({ id: "chat.store", result: "n/a", finding: "not offered" }),
]

test("one line per case, then each failure in full, then the totals", () => {
  const lines = renderReport(RESULTS).split("\n")
  expect(lines.slice(0, 2)).toEqual([
    "group  case         result  ms  finding",
    "chat   chat.whole   pass    12",
  ])
  expect(lines[2]).toStartWith("chat   chat.stream  FAIL    12  expected one [DONE]; came xxx")
  expect(lines[2]!.length).toBeLessThan(200)
  expect(lines[3]).toBe("chat   chat.store   n/a     12  not offered")
  expect(lines.slice(5, 7)).toEqual(["FAIL chat.stream", "     answers whole"])
  expect(lines[7]).toEndWith("x".repeat(300))
  expect(lines.at(-1)).toBe("1 passed, 1 failed, 1 not applicable")
})

test("the totals count each result once", () => {
  expect(totalsOf(RESULTS)).toEqual({ passed: 1, failed: 1, not_applicable: 1 })
  expect(totalsOf([])).toEqual({ passed: 0, failed: 0, not_applicable: 0 })
})
