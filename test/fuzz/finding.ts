/** A broken law and the case that broke it; how cases are run in batches and the books are checked after each. */
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import { repriceReceipts } from "../../src/wallet/usage/reprice.ts"
import type { Fuzzing } from "./fuzz-requests.ts"
import type { FuzzStage } from "./stage.ts"
import { makeStream } from "./stream-case.ts"

export interface Finding {
  index: number
  message: string
}

/** Which case a request belongs to. */
export type Owners = Map<string, number>

const BUG = /failed by a bug|background work failed|an effect of a commit failed|could not be kept/

/** Log lines that name a bug. A line without a known request belongs to the batch, that is to its first case. */
export function findBugs({ app }: FuzzStage, owners: Owners, first: number): Finding[] {
  const lines = app.logs.splice(0).filter(line => BUG.test(line))
  return lines.map(line => {
    const request_id = /req_[A-Za-z0-9]+/.exec(line)?.[0] ?? ""
    return { index: owners.get(request_id) ?? first, message: `logged: ${line.slice(0, 900)}` }
  })
}

interface Row {
  id: string
  state: string
  cost_nanos: number
  charged_nanos: number
  loss_nanos: number
  output_tokens: number
  usage_source: string | null
  overrun_nanos: number
}

const ROWS = `SELECT id, state, cost_nanos, charged_nanos, loss_nanos, output_tokens, usage_source,
    coalesce((SELECT sum(amount_nanos) FROM ledger_transfer
      WHERE group_id = r.id AND kind IN ('overrun', 'loss')), 0) AS overrun_nanos
  FROM metered_request r WHERE started_at >= ?`

/** Requests that are still open, and charges that cannot be. `since` in Unix milliseconds. */
export async function findInBooks(
  fuzzing: Fuzzing,
  kind: "requests" | "streams",
  { since, first }: { since: number; first: number },
): Promise<Finding[]> {
  const rows = await fuzzing.stage.app.app.store.read.all<Row>(ROWS, since)
  return rows.flatMap(row => {
    const index = fuzzing.owners.get(row.id)
    const has_script = kind === "streams" && index !== undefined
    const message = rowProblem(row) ?? (has_script ? countProblem(fuzzing, row, index) : undefined)
    return message === undefined ? [] : [{ index: index ?? first, message: `${row.id}: ${message}` }]
  })
}

function rowProblem(row: Row): string | undefined {
  const { state, cost_nanos, charged_nanos, loss_nanos, usage_source, overrun_nanos } = row
  if (state === "open") return "its hold stays open"
  if (charged_nanos < 0 || loss_nanos < 0 || cost_nanos < 0) return `a negative amount: ${charged_nanos}`
  if (state === "released" && charged_nanos !== 0) return `released, but charged ${charged_nanos}`
  // Only a vendor's own report may go beyond what was held.
  if (usage_source === "estimated" && overrun_nanos !== 0)
    return `an estimate beyond its hold: ${overrun_nanos}`
  return undefined
}

/** What a delivered token weighs, where a vendor's report lacks its output (exchange.ts). */
const BYTES_PER_TOKEN = 4

/** A count of output that the upstream neither wrote nor delivered. */
function countProblem({ seed, stream_corpus }: Fuzzing, row: Row, index: number): string | undefined {
  const { output_tokens, usage_source } = row
  const said = Buffer.concat(makeStream(seed, index, stream_corpus).upstream.chunks).toString("latin1")
  if (output_tokens <= said.length / BYTES_PER_TOKEN + 1 || said.includes(String(output_tokens)))
    return undefined
  return `an output of ${output_tokens} (${usage_source}) that was neither reported nor delivered`
}

/** The ledger's laws and the price of every receipt. */
export async function findInLedger({ app }: FuzzStage, first: number): Promise<Finding[]> {
  const { read } = app.app.store
  const laws = [...(await verifyLedger(read)), ...[await repriceReceipts(read)].flat()]
  return laws.flatMap(({ law, findings }) =>
    findings.map(finding => ({ index: first, message: `law ${law}: ${finding}` })),
  )
}

/** Two to three times what the server and the corpora need: one that holds more keeps what it should have let go. */
const MOST_MB = 1_000

/** What a worker holds when everything that may go has gone. */
export function findInMemory(first: number, most_mb = MOST_MB): Finding[] {
  // Gigantic lines make a gigabyte of garbage, the fuzzer's own among it, and nothing hurries to collect it.
  Bun.gc(true)
  const held_mb = Math.round(process.memoryUsage.rss() / 1e6)
  return held_mb > most_mb ? [{ index: first, message: `${held_mb} MB are held after this batch` }] : []
}
