/** Notices what another process (an admin command) changed in the database, by the counters its triggers keep. */
import type { Clock } from "./clock.ts"
import type { Query } from "./store.ts"

export type Topic = "catalog" | "auth" | "policy"

/** How long a change by another process may stay unseen. Changes by this process are acted on at once. */
const INTERVAL_MS = 250

/** Calls a topic's action whenever its counter moved; the answer stops that. */
export function watchChanges(
  needs: { read: Query; clock: Clock; onError: (error: unknown) => void },
  actions: Record<Topic, () => void | Promise<void>>,
): () => void {
  const seen = new Map<string, number>()
  let cancel = () => {}
  let is_stopped = false

  async function look(): Promise<void> {
    const rows = await needs.read.all<{ topic: Topic; version: number }>(
      "SELECT topic, version FROM change_count",
    )
    for (const { topic, version } of rows) {
      const before = seen.get(topic)
      seen.set(topic, version)
      if (before !== undefined && before !== version) await actions[topic]()
    }
  }

  function again(): void {
    if (is_stopped) return
    cancel = needs.clock.after(INTERVAL_MS, () => void look().catch(needs.onError).finally(again))
  }

  void look().catch(needs.onError).finally(again)
  return () => {
    is_stopped = true
    cancel()
  }
}
