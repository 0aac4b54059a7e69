/** Makes every part of the server from a configuration and closes them again; the only place where things are made. */
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { RegisterNeeds } from "./account/register/register.ts"
import { createKeyLimits } from "./auth/key-limits.ts"
import { createKeyRing } from "./auth/keys.ts"
import { assertSecret } from "./auth/secret.ts"
import { createVault } from "./auth/vault.ts"
import type { AnswerNeeds } from "./gateway/answer.ts"
import { callModel } from "./gateway/call.ts"
import { openCatalog } from "./gateway/catalog/catalog.ts"
import { seedModels } from "./gateway/catalog/seed.ts"
import { createDrains } from "./gateway/drains.ts"
import { openPolicies } from "./gateway/policy/policy.ts"
import { createReasoningMemory } from "./gateway/reasoning-memory.ts"
import { exposeRouteHealth } from "./gateway/routing/route-report.ts"
import { createRouting } from "./gateway/routing/routing.ts"
import { createRuns } from "./gateway/stored/runs.ts"
import { createWatch } from "./gateway/upstream/watchdog.ts"
import { type Clock, systemClock } from "./platform/clock.ts"
import type { Config } from "./platform/config.ts"
import { createEvents } from "./platform/events.ts"
import type { Fetch } from "./platform/fetch.ts"
import { createNewId, type Random, systemRandom } from "./platform/ids.ts"
import { createLog, describeError, type Log } from "./platform/log.ts"
import { createMetrics } from "./platform/metrics.ts"
import { type AttemptNeeds, createRateLimit } from "./platform/rate-limit.ts"
import { openStore, type Store } from "./platform/store.ts"
import { createTasks } from "./platform/tasks.ts"
import type { SwitchablePayments } from "./wallet/stripe/payments.ts"
import { createPayments } from "./wallet/stripe/payments.ts"

/** The one flat value whose parts the domains need. */
export interface App extends AnswerNeeds, RegisterNeeds, AttemptNeeds {
  cache: Store
  payments: SwitchablePayments
  close(): Promise<void>
}

/** What tests replace: the four seams, and where log lines go. */
export interface Seams {
  clock?: Clock
  random?: Random
  fetch?: Fetch
  writeLog?: (line: string) => void
}

/** Failed keys per address: enough for a Codex CLI that retries six times, too few to guess with. */
const KEY_FAILURES = { burst: 60, per_minute: 30 }
/** Password attempts per address and per account. */
const PASSWORD_ATTEMPTS = { burst: 10, per_minute: 10 }

/** Opens (and creates) the data folder and everything that lives on it. */
export async function openApp(config: Config, seams: Seams = {}): Promise<App> {
  const clock = seams.clock ?? systemClock
  const random = seams.random ?? systemRandom
  const newId = createNewId({ clock, random })
  const log = createLog(config.log_level, seams.writeLog ?? (line => process.stderr.write(line)))
  mkdirSync(config.data_dir, { recursive: true, mode: 0o700 })
  const { store, cache } = openStores(config, log)
  const vault = createVault(config.secret ?? readOrCreateSecret(config.data_dir, random), random)
  await assertSecret({ store, vault })
  const events = createEvents()
  const metrics = createMetrics()
  await seedModels({ store, clock, newId })
  const catalog = await openCatalog({ config, read: store.read, vault })
  const routing = createRouting({ clock, random })
  exposeRouteHealth(metrics.registry, routing)
  const keys = createKeyRing({ store, vault, clock })
  events.listen(event => {
    // Changes by another process are seen by serve.ts, a little later.
    if (event.name === "key-revoked") keys.forget()
    if (event.name === "route-failed") {
      const { upstream_id: upstream, failure } = event.data
      metrics.route_failures.inc({ upstream, failure })
    }
    if (event.name === "mail-sent") metrics.mail.inc({ state: "sent" })
    if (event.name === "mail-failed") metrics.mail.inc({ state: event.data.state })
  })
  const app: App = {
    config,
    clock,
    random,
    newId,
    log,
    store,
    cache,
    vault,
    events,
    catalog,
    policies: await openPolicies({ read: store.read }),
    routing,
    reasoning_memory: createReasoningMemory(clock),
    boot_id: newId("boot"),
    fetch: seams.fetch ?? fetch,
    metrics,
    payments: createPayments({ config, hasUpstream: () => catalog.hasUpstream() }),
    keys,
    key_limits: createKeyLimits(clock, config.key_limits),
    failure_limit: createRateLimit(clock, KEY_FAILURES),
    attempt_limit: createRateLimit(clock, PASSWORD_ATTEMPTS),
    tasks: createTasks(error => log.error("background work failed", describeError(error))),
    drains: createDrains(),
    connections: new Set(),
    watch: createWatch(clock),
    runs: createRuns(),
    callModel: call => callModel(app, call),
    async close() {
      await store.close()
      await cache.close()
    },
  }
  return app
}

function openStores(config: Config, log: Log): { store: Store; cache: Store } {
  const onEffectError = (error: unknown) => log.error("an effect of a commit failed", describeError(error))
  const open = (file: string, migrations: "main" | "cache", synchronous: "FULL" | "NORMAL") =>
    openStore({ path: join(config.data_dir, file), migrations, synchronous, onEffectError })
  return { store: open("codexapi.db", "main", "FULL"), cache: open("cache.db", "cache", "NORMAL") }
}

/** A generated secret in a file that only this user can read; two processes that start at once agree on one. */
function readOrCreateSecret(data_dir: string, random: Random): string {
  const path = join(data_dir, "secret")
  if (!existsSync(path)) {
    const draft = `${path}.${Buffer.from(random(4)).toString("hex")}`
    writeFileSync(draft, `${Buffer.from(random(32)).toString("hex")}\n`, { mode: 0o600 })
    try {
      linkSync(draft, path)
    } catch (error) {
      // The other process was first: its secret is the one.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    } finally {
      unlinkSync(draft)
    }
  }
  return readFileSync(path, "utf8").trim()
}
