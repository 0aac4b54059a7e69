/** Stores in memory with the real schema: migrated once per process, each store starts from a copy. */
import { Database } from "bun:sqlite"
import { migrateDatabase } from "../../db/migrate.ts"
import { openStore, type Store } from "../../src/platform/store.ts"

type Name = "main" | "cache"

const images = new Map<Name, Uint8Array>()

/** A database in memory, migrated and empty; about 0.1 ms. */
export const migratedDatabase = (name: Name = "main"): Database => Database.deserialize(migratedImage(name))

/** The same as the bytes of a file. */
export function migratedImage(name: Name): Uint8Array {
  const image = images.get(name) ?? migrate(name)
  images.set(name, image)
  return image
}

/** A store on such a database. Its reads see what is not committed yet; only a file has a separate reader. */
export function openTestStore(name: Name = "main"): Store {
  return openStore({ path: migratedDatabase(name), migrations: name, synchronous: "FULL" })
}

function migrate(name: Name): Uint8Array {
  const database = new Database(":memory:")
  migrateDatabase(database, name)
  const image = database.serialize()
  database.close()
  return image
}
