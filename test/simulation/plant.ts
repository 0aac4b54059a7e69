/** What a planted bug is, and how one is written down. */

/** A textual change; `from` must stand in the file exactly once. */
export interface Edit {
  file: string
  from: string
  to: string
}

export interface Plant {
  guard: string
  bug: string
  edits: Edit[]
  /** `holds`: another layer guards the same, so the laws must hold all the same. */
  expected: "caught" | "holds"
}

/** The migration that made the tables of payments. */
export const SCHEMA = "db/migrations/main/0003_money.sql"

/** `from` stands in the file once. */
export const edit = (file: string, from: string, to: string): Edit => ({ file, from, to })
const plant =
  (expected: Plant["expected"]) =>
  (guard: string, bug: string, ...edits: Edit[]): Plant => ({ guard, bug, edits, expected })
/** The simulation must notice. */
export const caught = plant("caught")
/** Another layer guards the same. */
export const holds = plant("holds")

/** Takes a unique key away. */
export const noIndex = (name: string, columns: string, where = ""): Edit =>
  edit(SCHEMA, `CREATE UNIQUE INDEX \`${name}\` ON ${columns}${where};--> statement-breakpoint\n`, "")
