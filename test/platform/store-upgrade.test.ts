/** A file of the first release, opened by this one: its data is kept, and it works as a new one does. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { drizzle } from "drizzle-orm/bun-sqlite"
import { migrate } from "drizzle-orm/bun-sqlite/migrator"
import { getTableConfig } from "drizzle-orm/sqlite-core"
import * as schema from "../../db/schema-main.ts"
import { createVault } from "../../src/auth/vault.ts"
import { openCatalog } from "../../src/gateway/catalog/catalog.ts"
import { seedModels, seedUpstreams } from "../../src/gateway/catalog/seed.ts"
import type { EnvUpstream } from "../../src/platform/config.ts"
import { createNewId } from "../../src/platform/ids.ts"
import { openStore, type Store } from "../../src/platform/store.ts"
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import { listReceipts } from "../../src/wallet/usage/receipts.ts"
import { repriceReceipts } from "../../src/wallet/usage/reprice.ts"
import { createTestClock } from "../support/clock.ts"
import { openFolder } from "../support/folder.ts"
import { createTestRandom } from "../support/random.ts"

const MIGRATIONS = resolve(import.meta.dir, "../../db/migrations/main")

/** Only the first migration, as the first release had it. */
function writeFirstMigrations(folder: string): string {
  const first = join(folder, "migrations")
  mkdirSync(join(first, "meta"), { recursive: true })
  cpSync(join(MIGRATIONS, "0000_start.sql"), join(first, "0000_start.sql"))
  const journal = JSON.parse(readFileSync(join(MIGRATIONS, "meta/_journal.json"), "utf8"))
  journal.entries = journal.entries.slice(0, 1)
  writeFileSync(join(first, "meta/_journal.json"), JSON.stringify(journal))
  return first
}

/** What the first release could have written: a customer who spent 1 of 10 USD, and upstreams of every kind. */
const FIRST_DATA = `
INSERT INTO customer VALUES ('cus_1', 'c@example.com', 'hash', 'active', 1);
INSERT INTO api_key VALUES ('key_1', 'cus_1', 'user', 'laptop', 'h', 't', NULL, NULL, NULL, NULL, 1);
INSERT INTO ledger_account VALUES ('cus_1/token', 'cus_1', 'token', 'token', 9000000000, 0, 0);
INSERT INTO ledger_account VALUES ('cus_1/token_held', 'cus_1', 'token_held', 'token', 0, 0, 0);
INSERT INTO ledger_transfer VALUES
  ('a', 'a', 'admin_credit', 'token', 'system/issue_admin', 'cus_1/token', 10000000000, '', 'op', 1, 1),
  ('req_1:hold:0', 'req_1', 'hold', 'token', 'cus_1/token', 'cus_1/token_held', 1000000000, '', 'system', 2, 2),
  ('req_1:settle', 'req_1', 'settle', 'token', 'cus_1/token_held', 'system/revenue_usage', 1000000000, '', 's', 3, 3);
INSERT INTO model VALUES ('gpt-5.5', 'My GPT', 'd', 'openai', 1, 1, '[]', '["text"]', 7, 1, 1);
INSERT INTO rate_card VALUES ('rc_1', 'gpt-5.5', 1, 1000000, 1, 1, 1, 1, 0, '{"priority":[2,1]}', 'old', 1);
INSERT INTO rate_card VALUES ('rc_2', 'gpt-5.4', 1, 1, 1, 1, 1, 1, 0, '{}', 'of a model that was removed', 1);
INSERT INTO upstream VALUES ('openai', 'openai-responses', 'https://openai.test/v1', 'OPENAI_API_KEY', NULL, 1, 1);
INSERT INTO upstream VALUES ('anthropic', 'anthropic-messages', 'https://a.test', 'ANTHROPIC_API_KEY', NULL, 1, 1);
INSERT INTO upstream VALUES ('deepseek', 'openai-chat', 'https://d.test', 'DEEPSEEK_API_KEY', NULL, 0, 1);
INSERT INTO upstream VALUES ('own', 'openai-responses', 'http://own.test/v1', NULL, NULL, 1, 1);
INSERT INTO route VALUES ('rt_1', 'gpt-5.5', 'openai', 'gpt-5.5', 3, 2, 1, 1);
INSERT INTO metered_request
  (id, customer_id, key_id, boot_id, state, endpoint, is_streamed, model_asked, model_served, rate_card_id, tier_asked,
   tier_served, attempts, held_nanos, hold_count, estimated_input_tokens, checkpoint_output_tokens, input_tokens,
   cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, web_search_count,
   usage_source, cost_nanos, charged_nanos, loss_nanos, end_reason, duration_ms, started_at, ended_at)
VALUES ('req_1', 'cus_1', 'key_1', 'boot', 'settled', '/v1/responses', 1, 'gpt-5.5', 'gpt-5.5', 'rc_1', 'default',
   'default', '[]', 0, 1, 1, 0, 1000000, 0, 0, 0, 0, 0, 0, 'reported', 1000000000, 1000000000, 0, 'completed', 1, 2, 3);
`

async function upgrade(work: (store: Store) => Promise<void>): Promise<void> {
  using folder = openFolder()
  const path = join(folder.path, "codexapi.db")
  const database = new Database(path, { create: true })
  migrate(drizzle({ client: database }), { migrationsFolder: writeFirstMigrations(folder.path) })
  database.exec(FIRST_DATA)
  const store = openStore({ path, migrations: "main", synchronous: "FULL" })
  try {
    await work(store)
  } finally {
    database.close()
    await store.close()
  }
}

const ENV: EnvUpstream[] = [
  { id: "openai", base_url: "https://openai.test/v1", key: "k", key_env: "OPENAI_API_KEY" },
  { id: "anthropic", base_url: "https://a.test", key: "k", key_env: "ANTHROPIC_API_KEY" },
  { id: "deepseek", base_url: "https://d.test", key: "k", key_env: "DEEPSEEK_API_KEY" },
]

test("money, receipts, models and routes are kept, and the books still add up", () =>
  upgrade(async store => {
    const [receipt] = await listReceipts(store.read, { customer_id: "cus_1", limit: 9, before: undefined })
    expect(receipt).toMatchObject({ id: "req_1", charged_nanos: 1_000_000_000, notes: null })
    const laws = [...(await verifyLedger(store.read)), await repriceReceipts(store.read)]
    expect(laws.flatMap(law => law.findings)).toEqual([])
    expect(await store.read.get("SELECT label, budget_model_id FROM model")).toEqual({
      label: "My GPT",
      budget_model_id: null,
    })
    expect(await store.read.get("SELECT id, tier, weight, is_vip_only FROM route")).toEqual({
      id: "rt_1",
      tier: 3,
      weight: 2,
      is_vip_only: 0,
    })
  }))

test("upstreams have no quirks and the usual limits; those that could serve nothing are taken in anew", () =>
  upgrade(async store => {
    const rows = await store.read.all(
      "SELECT id, quirks, tool_name_length, max_concurrency FROM upstream ORDER BY id",
    )
    const plain = { quirks: "[]", tool_name_length: 64, max_concurrency: null }
    expect(rows).toEqual(["deepseek", "openai", "own"].map(id => ({ id, ...plain })))
  }))

test("the first start adds what is new, sells nothing that was not sold, and speaks with Anthropic", () =>
  upgrade(async store => {
    const clock = createTestClock()
    const random = createTestRandom()
    const needs = { store, clock, newId: createNewId({ clock, random }) }
    await seedModels(needs)
    await seedUpstreams(needs, ENV)
    const vault = createVault("a secret of the tests, 32 letters or more", random)
    const config = { demo: "off" as const, upstreams: ENV }
    const catalog = await openCatalog({ config, read: store.read, vault })
    const served = catalog.list().map(({ id, routes }) => [id, routes[0]!.upstream.id])
    expect(served[0]).toEqual(["claude-opus-4-8", "anthropic"])
    expect(served.filter(([, upstream]) => upstream === "openai")).toEqual([["gpt-5.5", "openai"]])
    expect(catalog.find("gpt-5.5")).toMatchObject({ label: "My GPT", rate_card: { id: "rc_1" } })
    expect(catalog.find("openai/gpt-5.5")?.id).toBe("gpt-5.5")
    expect(catalog.find("gpt-5.4")).toBeUndefined()
    expect(await store.read.get("SELECT is_enabled FROM upstream WHERE id = 'deepseek'")).toEqual({
      is_enabled: 0,
    })
  }))

test("has the tables that the code declares, column by column, all of them strict", () =>
  upgrade(async store => {
    for (const table of Object.values(schema)) {
      const { name, columns } = getTableConfig(table)
      const stored = await store.read.all<{ name: string; notnull: number }>(`PRAGMA table_info(${name})`)
      const shape = stored.map(column => [column.name, column.notnull === 1])
      const declared = columns.map(column => [column.name, column.notNull])
      expect(shape.toSorted()).toEqual(declared.toSorted())
    }
    const loose = await store.read.all<{ name: string }>(
      "SELECT name FROM pragma_table_list WHERE strict = 0 AND schema = 'main' AND name NOT LIKE 'sqlite_%'",
    )
    expect(loose.map(row => row.name)).toEqual(["__drizzle_migrations"])
  }))
