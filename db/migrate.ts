/** Brings a database file to the newest schema with the migrations embedded in the executable. */

import type { Database } from "bun:sqlite"
import { join } from "node:path"
import { drizzle } from "drizzle-orm/bun-sqlite"
import { migrate } from "drizzle-orm/bun-sqlite/migrator"

/** The folder beside this file; `scripts/build` embeds it beside the compiled code. */
const folder = join(import.meta.dir, "migrations")

/** Applies what is missing, in one transaction; doing it again changes nothing. */
export function migrateDatabase(database: Database, name: "main" | "cache"): void {
  migrate(drizzle({ client: database }), { migrationsFolder: join(folder, name) })
}
