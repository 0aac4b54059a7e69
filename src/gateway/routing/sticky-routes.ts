/** Which route answered a conversation last: a bounded memory, so that its prompt cache is hit again. */
import type { Clock } from "../../platform/clock.ts"

export interface StickyRoutes {
  /** The id of the route that answered within the last ten minutes. */
  recall(sticky_key: string): string | undefined
  remember(sticky_key: string, route_id: string): void
}

/** Upstreams keep a prompt's cache for five to ten minutes after its last use. */
const KEPT_MS = 600_000
/** A few MB; beyond it the conversations that were silent longest are forgotten. */
const LARGEST_COUNT = 50_000

export function createStickyRoutes(clock: Clock): StickyRoutes {
  /** In order of use, because setting moves a key to the end. */
  const memory = new Map<string, { route_id: string; until: number }>()
  return {
    recall(sticky_key) {
      const found = memory.get(sticky_key)
      if (found === undefined || clock.now() < found.until) return found?.route_id
      memory.delete(sticky_key)
      return undefined
    },
    remember(sticky_key, route_id) {
      memory.delete(sticky_key)
      memory.set(sticky_key, { route_id, until: clock.now() + KEPT_MS })
      if (memory.size <= LARGEST_COUNT) return
      for (const oldest of memory.keys()) {
        memory.delete(oldest)
        break
      }
    },
  }
}
