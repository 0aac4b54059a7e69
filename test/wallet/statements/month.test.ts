/** Months: where they begin and end, and which are none. */
import { describe, expect, test } from "bun:test"
import { readMonth } from "../../../src/wallet/statements/month.ts"

const now = Date.UTC(2028, 2, 15)
const spanOf = (name: string) => {
  const { start_at, end_at } = readMonth(name, { field: "statement", now })
  return [new Date(start_at).toISOString(), new Date(end_at).toISOString()]
}

describe("a month", () => {
  test.each([
    ["2026-01", "2026-01-01", "2026-02-01"],
    ["2027-12", "2027-12-01", "2028-01-01"],
    ["2026-02", "2026-02-01", "2026-03-01"],
    ["2028-02", "2028-02-01", "2028-03-01"],
    ["2028-03", "2028-03-01", "2028-04-01"],
    ["0001-04", "0001-04-01", "0001-05-01"],
  ])("%s goes from %s to %s", (name, start, end) => {
    expect(spanOf(name)).toEqual([`${start}T00:00:00.000Z`, `${end}T00:00:00.000Z`])
  })

  test.each(["", "2026", "2026-13", "2026-00", "2026-1", "2026-01-01", " 2026-01", "+02026-01", "now"])(
    "%p is none, and the refusal names the field",
    name => {
      expect(() => readMonth(name, { field: "month", now })).toThrow(
        expect.objectContaining({
          reason: "unprocessable",
          detail: { code: "invalid_month", field: "month" },
        }),
      )
    },
  )

  test("that has not begun is refused; the one that goes on is not", () => {
    const future = { detail: { code: "future_month", field: "statement" } }
    expect(() => spanOf("2028-04")).toThrow(expect.objectContaining(future))
    expect(() => spanOf("9999-12")).toThrow(expect.objectContaining(future))
    const first = Date.UTC(2028, 3, 1)
    expect(readMonth("2028-04", { field: "statement", now: first }).start_at).toBe(first)
  })
})
