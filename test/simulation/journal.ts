/** Changes of the oracle's own state that can be undone, as the groups of the store can. */

export interface Journal {
  set<Thing extends object, Key extends keyof Thing>(thing: Thing, key: Key, value: Thing[Key]): void
  put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void
  drop<Key, Value>(map: Map<Key, Value>, key: Key): void
  /** What was changed since the last time is there to stay. */
  keep(): void
  /** As if nothing had been changed since then. */
  undo(): void
  /** Whether nothing was changed since then. */
  readonly is_empty: boolean
}

export function createJournal(): Journal {
  let ways_back: (() => void)[] = []
  return {
    set(thing, key, value) {
      const before = thing[key]
      ways_back.push(() => {
        thing[key] = before
      })
      thing[key] = value
    },
    put(map, key, value) {
      const before = map.get(key)
      ways_back.push(before === undefined ? () => map.delete(key) : () => map.set(key, before))
      map.set(key, value)
    },
    drop(map, key) {
      const before = map.get(key)
      if (before === undefined) return
      ways_back.push(() => map.set(key, before))
      map.delete(key)
    },
    keep() {
      ways_back = []
    },
    undo() {
      for (const way_back of ways_back.reverse()) way_back()
      ways_back = []
    },
    get is_empty() {
      return ways_back.length === 0
    },
  }
}
