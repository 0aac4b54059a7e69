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
    {
      catalog: () => void called.push("catalog"),
      auth: () => void called.push("auth"),
      policy: () => void called.push("policy"),
    },
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
  model: `INSERT INTO model (id, label, description, owned_by, context_window_tokens, max_output_tokens,
    reasoning_efforts, input_modalities, priority, is_enabled, created_at)
    VALUES ('m', 'l', 'd', 'o', 1, 1, '[]', '[]', 1, 1, 0)`,
  model_alias: `INSERT INTO model_alias VALUES ('a', 'gpt', 0)`,
  upstream: `INSERT INTO upstream (id, protocol, base_url, is_enabled, created_at) VALUES ('u', 'p', 'b', 1, 0)`,
  route: `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at)
    VALUES ('r', 'gpt', 'first', 'm', 0, 1, 1, 0)`,
  rate_card: `INSERT INTO rate_card VALUES ('c', 'gpt', 1, 1, 1, 1, 1, 1, 1, '{}', 's', 0)`,
}

/** A model, an upstream and a customer, as what the rows refer to. */
async function addReferences(q: TxQuery): Promise<void> {
  await q.run(ROWS.model!.replace("'m', 'l'", "'gpt', 'l'"))
  await q.run(ROWS.upstream!.replace("'u'", "'first'"))
  await q.run(
    "INSERT INTO customer (id, email, password_hash, status, created_at) VALUES ('c', 'c@x', 'h', 'active', 0)",
  )
}

test.each(Object.keys(ROWS))("a new row in %s is a change of the catalogue", async name => {
  const watched = watch()
  await watched.looked()
  await watched.store.tx(addReferences)
  await watched.look()
  watched.called.length = 0
  await watched.store.tx(q => q.run(ROWS[name]!))
  await watched.look()
  expect(watched.called).toEqual(["catalog"])
})

test.each([
  "INSERT INTO model_policy VALUES ('c', 'budget', NULL, 0)",
  "UPDATE model_policy SET mode = 'as-requested'",
  "DELETE FROM model_policy",
])("a change of a policy is a change of the policies: %s", async sql => {
  const watched = watch()
  await watched.looked()
  await watched.store.tx(async q => {
    await addReferences(q)
    if (!sql.startsWith("INSERT")) await q.run("INSERT INTO model_policy VALUES ('c', 'budget', NULL, 0)")
  })
  await watched.look()
  watched.called.length = 0
  await watched.store.tx(q => q.run(sql))
  await watched.look()
  expect(watched.called).toEqual(["policy"])
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
