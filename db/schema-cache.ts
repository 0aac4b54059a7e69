/** Every table of cache.db, for the migration generator. */
export { stored_event, stored_item, stored_object, stored_total } from "../src/gateway/stored/tables.ts"
export { event_log } from "../src/platform/tables.ts"
