/** Kills the real executable again and again under load, and compares its books with what it had said. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createSeededRandom } from "../simulation/seeded-random.ts"
import { type Customer, type Executable, type LedgerReport, startExecutable } from "../support/executable.ts"
import { type ScriptedUpstream, startScriptedUpstream } from "../support/scripted-upstream.ts"
import { type Audit, auditFolder } from "./audit.ts"
import { type Acknowledged, playPlan, runClient, runOperator } from "./load.ts"

export interface TortureOptions {
  kill_count: number
  /** Decides the load and the moments of the kills; not how the machine interleaves them. */
  seed: number
  note?(line: string): void
}

export interface TortureReport extends Audit {
  acknowledged_count: number
  /** Open requests or held credit seen right after a restart, all restarts together. */
  open_after_restart_count: number
  ledger: LedgerReport
}

const CLIENT_COUNT = 16
const CUSTOMER_COUNT = 4
const CREDIT_USD = "20000"
const SHORTEST_BURST_MS = 200
const LONGEST_BURST_MS = 900

const ENV = {
  CODEXAPI_KEY_CONCURRENCY: "1000",
  CODEXAPI_KEY_REQUESTS_PER_MINUTE: "100000000",
  CODEXAPI_LOG_LEVEL: "error",
}

/** Everything the torture shares between its rounds. */
interface Torture {
  options: TortureOptions
  upstream: ScriptedUpstream
  data_dir: string
  customers: Customer[]
  acknowledged: Acknowledged[]
  open_after_restart_count: number
}

/** Runs the torture in a folder of its own, which it removes. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const upstream = startScriptedUpstream(playPlan)
  const data_dir = await mkdtemp(join(tmpdir(), "codexapi-torture-"))
  const state: Torture = {
    options,
    upstream,
    data_dir,
    customers: [],
    acknowledged: [],
    open_after_restart_count: 0,
  }
  try {
    for (let kill = 0; kill < options.kill_count; kill++) await runRound(state, kill)
    return await conclude(state)
  } finally {
    await upstream.stop()
    await rm(data_dir, { recursive: true, force: true })
  }
}

const start = ({ upstream, data_dir }: Torture) =>
  startExecutable({ upstreamUrl: upstream.baseUrl, dataDir: data_dir, env: ENV })

async function runRound(state: Torture, kill: number): Promise<void> {
  const { options, customers } = state
  const server = await start(state)
  try {
    while (customers.length < CUSTOMER_COUNT) customers.push(await server.createCustomer(CREDIT_USD))
    state.open_after_restart_count += auditFolder(state.data_dir, []).open_hold_count
    const told = await loadUntilKilled(state, server, kill)
    state.acknowledged.push(...told)
    options.note?.(`kill ${kill + 1}: ${told.length} acknowledged`)
  } finally {
    await server.kill9()
    // What the upstream keeps of each request is not needed.
    state.upstream.requests.length = 0
  }
}

async function loadUntilKilled(state: Torture, server: Executable, kill: number): Promise<Acknowledged[]> {
  const { options, customers } = state
  const random = createSeededRandom(options.seed * 1_000 + kill)
  const chance = () => random.int(1_000_000) / 1_000_000
  let is_over = false
  const isOver = () => is_over
  const clients = Array.from({ length: CLIENT_COUNT }, (_, number) =>
    runClient(server, customers[number % customers.length]!, { random: chance, isOver }),
  )
  const operator = runOperator(server, customers, isOver)
  await Bun.sleep(random.between(SHORTEST_BURST_MS, LONGEST_BURST_MS))
  is_over = true
  await server.kill9()
  return (await Promise.all([...clients, operator])).flat()
}

/** One more start: recovery, and the last comparison. */
async function conclude(state: Torture): Promise<TortureReport> {
  const server = await start(state)
  try {
    const audit = auditFolder(state.data_dir, state.acknowledged)
    return {
      ...audit,
      acknowledged_count: state.acknowledged.length,
      open_after_restart_count: state.open_after_restart_count,
      ledger: await server.verifyLedger(),
    }
  } finally {
    await server.stop()
  }
}
