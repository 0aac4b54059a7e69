/** Every table of cache.db, for the migration generator. */
export { event_log } from "../src/platform/tables.ts"
