/** UTC months as customers name them, `2026-01`, and the instants between which they lie; pure. */
import { AppError } from "../../platform/errors.ts"

export interface Month {
  /** `YYYY-MM`. */
  name: string
  /** Its first millisecond. */
  start_at: number
  /** The first millisecond of the next month. */
  end_at: number
}

/** Reads a month that has begun. Throws `unprocessable` for anything else, naming the field it was given in. */
export function readMonth(name: string, about: { field: string; now: number }): Month {
  const { field, now } = about
  const start_at = /^\d{4}-(?:0[1-9]|1[0-2])$/.test(name) ? Date.parse(`${name}-01T00:00:00Z`) : Number.NaN
  if (Number.isNaN(start_at)) {
    throw new AppError("unprocessable", `${field} must be a month such as 2026-01, not ${name}.`, {
      code: "invalid_month",
      field,
    })
  }
  if (start_at > now) {
    throw new AppError("unprocessable", `${name} has not begun (months are UTC). Ask for an earlier month.`, {
      code: "future_month",
      field,
    })
  }
  return { name, start_at, end_at: startOfNext(start_at) }
}

/** 32 days on lie in the next month, whatever the length of this one. `Date.UTC` would read year 99 as 1999. */
const startOfNext = (start_at: number): number =>
  Date.parse(`${new Date(start_at + 32 * 86_400_000).toISOString().slice(0, 7)}-01T00:00:00Z`)
