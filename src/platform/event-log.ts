/** Keeps what happened lately in cache.db for the operator: batched, bounded, may be lost. */
import type { Clock } from "./clock.ts"
import type { AnyEvent, EventName, Events } from "./events.ts"
import type { NewId } from "./ids.ts"
import type { Query, Store } from "./store.ts"

/** The receipts already tell these. */
const NOT_LOGGED: ReadonlySet<EventName> = new Set(["request-settled", "request-released"])
const FLUSH_MS = 1_000
/** Beyond this the newest of a flood are dropped until the next flush. */
const LARGEST_BATCH = 1_000
const KEPT_MS = 14 * 86_400_000

export interface LoggedEvent {
  id: string
  name: EventName
  data: string
  created_at: number
}

/** Starts writing events to `cache`; the answer writes the rest and stops. */
export function startEventLog(needs: {
  cache: Store
  events: Events
  clock: Clock
  newId: NewId
}): () => Promise<void> {
  let batch: { event: AnyEvent; at: number }[] = []
  let cancel = () => {}

  async function flush(): Promise<void> {
    cancel()
    const written = batch
    batch = []
    await needs.cache.tx(async q => {
      for (const { event, at } of written) {
        await q.run(
          "INSERT INTO event_log (id, name, data, created_at) VALUES (?, ?, ?, ?)",
          needs.newId("evt"),
          event.name,
          JSON.stringify(event.data),
          at,
        )
      }
      await q.run("DELETE FROM event_log WHERE created_at < ?", needs.clock.now() - KEPT_MS)
    })
  }

  const stop = needs.events.listen(event => {
    if (NOT_LOGGED.has(event.name) || batch.length >= LARGEST_BATCH) return
    batch.push({ event, at: needs.clock.now() })
    // A failed write loses events of a cache; the next flush tries with the next ones.
    if (batch.length === 1) cancel = needs.clock.after(FLUSH_MS, () => void flush().catch(() => {}))
  })
  return async () => {
    stop()
    await flush()
  }
}

/** The newest events first. By row, not by id: the ids of one batch are made in one millisecond and have no order. */
export const listEvents = (q: Query, limit: number): Promise<LoggedEvent[]> =>
  q.all<LoggedEvent>("SELECT id, name, data, created_at FROM event_log ORDER BY rowid DESC LIMIT ?", limit)
