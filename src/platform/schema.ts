/** TypeBox shapes that every endpoint of our own API shares. */
import { type TSchema, t } from "elysia"

/** An exact decimal amount of USD; never a float. */
export const Usd = t.String({
  pattern: "^-?\\d+\\.\\d{2,9}$",
  examples: ["12.50"],
  description: "USD, exact decimal",
})

export const Time = t.String({ format: "date-time", description: "ISO 8601, UTC" })

/** RFC 9457. */
export const Problem = t.Object(
  {
    type: t.String(),
    title: t.String(),
    status: t.Integer(),
    code: t.String({ description: "Machine-readable name of the case" }),
    detail: t.String({ description: "What is wrong and what to do" }),
    requestId: t.String(),
    field: t.Optional(t.String({ description: "The field of the request that is wrong" })),
  },
  { additionalProperties: true, description: "Problem document (RFC 9457)" },
)

/** A parameter with a default: a client may leave it out, a handler always finds it. */
export const defaulted = <Schema extends TSchema>(schema: Schema): Schema =>
  t.Optional(schema) as TSchema as Schema

export const PageQuery = {
  limit: defaulted(
    t.Integer({ title: "limit", minimum: 1, maximum: 200, default: 50, description: "Rows per page" }),
  ),
  cursor: t.Optional(t.String({ maxLength: 64, description: "nextCursor of the page before" })),
}

/** The problem answers an endpoint can give, by status, for its schema. */
export const problems = <const Status extends number>(...statuses: Status[]) =>
  Object.fromEntries(statuses.map(status => [status, Problem])) as Record<Status, typeof Problem>

/** The cursor for the next page: the last id of a full page. */
export const nextCursorOf = (rows: readonly { id: string }[], limit: number): string | null =>
  rows.length < limit ? null : rows.at(-1)!.id

export const toIso = (at: number): string => new Date(at).toISOString()
export const toIsoOrNull = (at: number | null): string | null => (at === null ? null : toIso(at))
