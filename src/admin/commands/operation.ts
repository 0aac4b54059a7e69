/** The operator's commands for looking at the server itself. */
import { createAdminKey } from "../../auth/admin-keys.ts"
import { listEvents } from "../../platform/event-log.ts"
import { toIso } from "../../platform/schema.ts"
import { type Command, integerOf } from "../command.ts"

const events: Command = {
  name: "events",
  summary: "What happened lately, newest first",
  options: { "limit?": "rows" },
  async run(needs, values) {
    const rows = await listEvents(needs.cache.read, integerOf(values, "limit", 50))
    return rows.map(row => ({ at: toIso(row.created_at), name: row.name, data: JSON.parse(row.data) }))
  },
}

const createOperatorKey: Command = {
  name: "admin-key create",
  summary: "Create an admin key (for /metrics); it is shown only now",
  options: { name: "text" },
  async run(needs, values) {
    const key = await needs.store.tx(q => createAdminKey(q, needs, values.name!))
    return { id: key.id, name: values.name, key: key.token }
  },
}

const revokeOperatorKey: Command = {
  name: "admin-key revoke",
  summary: "Revoke an admin key",
  options: { id: "id" },
  async run(needs, values) {
    const changed = await needs.store.tx(q =>
      q.run(
        "UPDATE admin_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
        needs.clock.now(),
        values.id!,
      ),
    )
    return { id: values.id, revoked: changed === 1 }
  },
}

const listOperatorKeys: Command = {
  name: "admin-key list",
  summary: "Admin keys that are not revoked",
  options: {},
  run: needs =>
    needs.store.read.all<Record<string, unknown>>(
      "SELECT id, name, hint FROM admin_key WHERE revoked_at IS NULL ORDER BY id",
    ),
}

export const operationCommands: readonly Command[] = [
  events,
  createOperatorKey,
  listOperatorKeys,
  revokeOperatorKey,
]
