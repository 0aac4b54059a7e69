/** A UTC day, `2026-01-31`, and the instants between which it lies; pure. */
import { DAY_MS } from "../../platform/clock.ts"
import { dayNumberOf, nameOfDay } from "../books/seal-day.ts"

export interface Day {
  name: string
  /** Its first millisecond. */
  start_at: number
  /** The first millisecond of the next day. */
  end_at: number
}

/** The day in which an instant lies. */
export const dayAt = (at: number): Day => dayOfNumber(dayNumberOf(at))

const dayOfNumber = (number: number): Day => ({
  name: nameOfDay(number),
  start_at: number * DAY_MS,
  end_at: (number + 1) * DAY_MS,
})

/** The day of a name; `undefined` when it names none. */
export function findDay(name: string): Day | undefined {
  const start_at = /^\d{4}-\d\d-\d\d$/.test(name) ? Date.parse(`${name}T00:00:00Z`) : Number.NaN
  // A 30th of February would be the 2nd of March.
  return !Number.isNaN(start_at) && dayAt(start_at).name === name ? dayAt(start_at) : undefined
}

/** The days that ended at or before `until`, newest first, back to the one in which `since` lies. */
export function listFinishedDays(span: { since: number; until: number }): Day[] {
  const last = dayNumberOf(span.until) - 1
  const count = Math.max(0, last - dayNumberOf(span.since) + 1)
  return Array.from({ length: count }, (_, back) => dayOfNumber(last - back))
}
