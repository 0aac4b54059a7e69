/** Days: where they begin and end, which are none, and which have ended. */
import { describe, expect, test } from "bun:test"
import { dayAt, findDay, listFinishedDays } from "../../../src/wallet/reconcile/day.ts"

describe("a day", () => {
  test("is the UTC day, from its first millisecond to before the next one's", () => {
    const day = { name: "2026-01-31", start_at: Date.UTC(2026, 0, 31), end_at: Date.UTC(2026, 1, 1) }
    expect(dayAt(day.start_at)).toEqual(day)
    expect(dayAt(day.end_at - 1)).toEqual(day)
    expect(dayAt(day.end_at).name).toBe("2026-02-01")
    expect(findDay("2026-01-31")).toEqual(day)
    expect(findDay("2028-02-29")?.end_at).toBe(Date.UTC(2028, 2, 1))
  })

  test.each(["", "2026-02-30", "2026-13-01", "2026-1-1", "20260101", "2026-01-01T00:00", "yesterday"])(
    "%p is none",
    name => expect(findDay(name)).toBeUndefined(),
  )
})

describe("finished days", () => {
  const list = (since: number, until: number) => listFinishedDays({ since, until }).map(({ name }) => name)
  const noon = (day: number) => Date.UTC(2026, 0, day, 12)

  test("are listed newest first, the one in which it began included", () => {
    expect(list(noon(2), noon(5))).toEqual(["2026-01-04", "2026-01-03", "2026-01-02"])
  })

  test("end at midnight", () => {
    const midnight = Date.UTC(2026, 0, 3)
    expect(list(noon(2), midnight - 1)).toEqual([])
    expect(list(noon(2), midnight)).toEqual(["2026-01-02"])
  })

  test("are none where nothing has begun", () => {
    expect(list(noon(5), noon(2))).toEqual([])
  })
})
