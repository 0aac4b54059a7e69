/** Watching for what another process changed: what is called, when, and when no more. */
import { expect, test } from "bun:test"
import { watchChanges } from "../../src/platform/changes.ts"
import type { Query, TxQuery } from "../../src/platform/store.ts"
import { createTestClock } from "../support/clock.ts"
import { openTestStore } from "../support/store.ts"
import { untilTrue } from "../support/turns.ts"

const INTERVAL_MS = 250

function watch(read?: Query) {
  const store = openTestStore()
  const clock = createTestClock()
  const called: string[] = []
  const errors: unknown[] = []
  const stop = watchChanges(
    { read: read ?? store.read, clock, onError: error => errors.push(error) },
    { catalog: () => void called.push("catalog"), auth: () => void called.push("auth") },
  )
  const looked = () => untilTrue("the next look is planned", () => clock.timer_count() === 1)
  return {
    store,
    clock,
    called,
    errors,
    stop,
    looked,
    /** Lets one interval pass and its look end. */
    async look() {
      await looked()
      clock.advance(INTERVAL_MS)
      await looked()
    },
  }
}

const addAdminKey = (q: TxQuery) =>
  q.run("INSERT INTO admin_key (id, name, hint, token_hash, created_at) VALUES ('a', 'a', 'a', 'a', 0)")

const addUpstream = (q: TxQuery) =>
  q.run("INSERT INTO upstream (id, protocol, base_url, is_enabled, created_at) VALUES ('a', 'a', 'a', 1, 0)")

test("what was there at the start is no change", async () => {
  const watched = watch()
  await watched.look()
  await watched.look()
  expect(watched.called).toEqual([])
})

test("a change calls its topic's action once, and no other's", async () => {
  const watched = watch()
  await watched.looked()
  await watched.store.tx(addAdminKey)
  await watched.look()
  expect(watched.called).toEqual(["auth"])
  await watched.look()
  expect(watched.called).toEqual(["auth"])
})

test("changes of both topics call both actions", async () => {
  const watched = watch()
  await watched.looked()
  await watched.store.tx(addUpstream)
  await watched.store.tx(addAdminKey)
  await watched.look()
  expect(watched.called.toSorted()).toEqual(["auth", "catalog"])
})

const ROWS: Record<string, string> = {
  model: `INSERT INTO model VALUES ('m', 'l', 'd', 'o', 1, 1, '[]', '[]', 1, 1, 0)`,
  upstream: `INSERT INTO upstream VALUES ('u', 'p', 'b', NULL, NULL, 1, 0)`,
  route: `INSERT INTO route VALUES ('r', 'gpt', 'first', 'm', 0, 1, 1, 0)`,
  rate_card: `INSERT INTO rate_card VALUES ('c', 'gpt', 1, 1, 1, 1, 1, 1, 1, '{}', 's', 0)`,
}

test.each(Object.keys(ROWS))("a new row in %s is a change of the catalogue", async name => {
  const watched = watch()
  await watched.store.tx(async q => {
    await q.run("INSERT INTO model VALUES ('gpt', 'l', 'd', 'o', 1, 1, '[]', '[]', 1, 1, 0)")
    await q.run("INSERT INTO upstream VALUES ('first', 'p', 'b', NULL, NULL, 1, 0)")
  })
  await watched.looked()
  await watched.store.tx(q => q.run(ROWS[name]!))
  await watched.look()
  expect(watched.called).toEqual(["catalog"])
})

test("after it was stopped it does not look again", async () => {
  const watched = watch()
  await watched.looked()
  watched.stop()
  await watched.store.tx(addAdminKey)
  watched.clock.advance(10 * INTERVAL_MS)
  expect(watched.clock.timer_count()).toBe(0)
  expect(watched.called).toEqual([])
})

test("a look that fails is reported, and the next one is made all the same", async () => {
  const store = openTestStore()
  const failures = [new Error("busy"), new Error("still busy")]
  const read: Query = {
    ...store.read,
    all: async (sql, ...values) => {
      const failure = failures.shift()
      if (failure) throw failure
      return store.read.all(sql, ...values)
    },
  }
  const watched = watch(read)
  await watched.look()
  expect(watched.errors).toEqual([new Error("busy"), new Error("still busy")])
  await watched.look()
  await store.tx(addAdminKey)
  await watched.look()
  expect(watched.called).toEqual(["auth"])
})
