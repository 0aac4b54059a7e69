/** The column kit: every column type the schema may use, once per SQL dialect; not the tables themselves. */
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core"

/** Makes a table; property names are the SQL names. */
export const table = sqliteTable

/** A text primary key: a prefixed id such as `cus_…`, made by the caller. */
export const id = () => text().primaryKey()

/** A primary key of several columns. */
export const keyedBy = primaryKey

/** Free text or a reference to another table's id. */
export const string = () => text()

/** Text that takes one of the given values; the CHECK that enforces it is in the migration. */
export const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  text({ enum: values })

/** An amount in nano-USD (1e-9 USD), a safe integer. */
export const nanos = () => integer({ mode: "number" })

/** A count of tokens, bytes, attempts …, or a rate in pico-USD per unit. */
export const count = () => integer({ mode: "number" })

/** An instant in milliseconds since the Unix epoch, UTC. */
export const time = () => integer({ mode: "number" })

/** Stored as 0 or 1. */
export const bool = () => integer({ mode: "boolean" })

/** A small JSON value of a known shape. */
export const json = <Shape>() => text({ mode: "json" }).$type<Shape>()
