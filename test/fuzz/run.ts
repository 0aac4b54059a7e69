/** Runs the fuzzer: so many requests and streams on every core; or one case, with everything that is sent and said. */
import { parseArgs } from "node:util"
import { type Finding, findBugs, findInBooks, findInLedger, findInMemory } from "./finding.ts"
import { type Fuzzing, fuzzRequest } from "./fuzz-requests.ts"
import { fuzzStream, needsClock } from "./fuzz-streams.ts"
import { makeCorpus } from "./request-corpus.ts"
import { openFuzzStage } from "./stage.ts"
import { makeStreamCorpus } from "./stream-corpus.ts"

type Kind = "requests" | "streams"

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    streams: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    at: { type: "string" },
    workers: { type: "string", default: String(navigator.hardwareConcurrency) },
    worker: { type: "string" },
    "most-findings": { type: "string", default: "20" },
  },
})
const seed = Number(values.seed)
const worker_count = Number(values.workers)

/** What a worker reports when it is done. */
interface Tally {
  counts: Record<Kind, number>
  findings: (Finding & { kind: Kind })[]
  /** How many answers had each status. */
  statuses: Record<string, number>
  peak_mb: number
}

const BATCH = 250
/** How many cases are under way at once: they share the commits of the books. */
const LANES = 24
/** The ledger and the memory are checked after so many batches, and at the end. */
const CHECK_EVERY = 8

/** The numbers of a worker's cases: dealt out in turn. */
function shareOf(kind: Kind, worker: number): number[] {
  if (values.only !== undefined && values.only !== kind) return []
  if (values.at !== undefined) return [Number(values.at)]
  const count = Number(values[kind])
  return Array.from({ length: count }, (_, index) => index).filter(index => index % worker_count === worker)
}

async function runShare(worker: number): Promise<Tally> {
  collectRejections()
  const stage = await openFuzzStage()
  const fuzzing: Fuzzing = {
    stage,
    corpus: makeCorpus(seed),
    stream_corpus: makeStreamCorpus(seed),
    seed,
    owners: new Map(),
    statuses: {},
    ...(values.at !== undefined && { show: text => console.log(`${text}\n`) }),
  }
  const tally: Tally = {
    counts: { requests: 0, streams: 0 },
    findings: [],
    statuses: fuzzing.statuses,
    peak_mb: 0,
  }
  for (const kind of ["requests", "streams"] as const) {
    const indexes = shareOf(kind, worker)
    for (let from = 0; from < indexes.length; from += BATCH) {
      const batch = indexes.slice(from, from + BATCH)
      const is_last = from + BATCH >= indexes.length
      const has_check = is_last || (from / BATCH) % CHECK_EVERY === CHECK_EVERY - 1
      const found = await runBatch(fuzzing, kind, { batch, has_check })
      tally.findings.push(...found.map(finding => ({ ...finding, kind })))
      tally.counts[kind] += batch.length
      tally.peak_mb = Math.max(tally.peak_mb, Math.round(process.memoryUsage.rss() / 1e6))
    }
  }
  await stage.close()
  return tally
}

async function runBatch(
  fuzzing: Fuzzing,
  kind: Kind,
  { batch, has_check }: { batch: number[]; has_check: boolean },
): Promise<Finding[]> {
  const { stage, owners } = fuzzing
  const { clock, app } = stage.app
  const since = clock.now()
  const first = batch[0] ?? 0
  owners.clear()
  stage.scripts.clear()
  const runOne = kind === "requests" ? fuzzRequest : fuzzStream
  const silent = kind === "streams" ? batch.filter(index => needsClock(fuzzing, index)) : []
  const found = await inLanes(
    batch.filter(index => !silent.includes(index)),
    index => runOne(fuzzing, index),
  )
  found.push(
    ...(await withTime(
      fuzzing,
      inLanes(silent, index => runOne(fuzzing, index)),
    )),
  )
  const idle = Promise.race([app.tasks.idle().then(() => true), Bun.sleep(15_000).then(() => false)])
  if (!(await withTime(fuzzing, idle)))
    found.push({ index: first, message: "background work of this batch never ends" })
  found.push(...rejections.splice(0).map(message => ({ index: first, message })))
  found.push(
    ...stage.unreadable.splice(0).map(body => ({ index: first, message: `an upstream was sent ${body}` })),
  )
  found.push(...findBugs(stage, owners, first), ...(await findInBooks(fuzzing, kind, { since, first })))
  if (has_check) found.push(...(await findInLedger(stage, first)), ...findInMemory(first))
  // A new minute: limits of wrong keys begin anew, routes that rested are tried again.
  clock.advance(301_000)
  return found
}

/** Lets the clock run, in steps, until this is done. */
async function withTime<T>({ stage }: Fuzzing, work: Promise<T>): Promise<T> {
  let is_done = false
  const done = () => {
    is_done = true
  }
  work.then(done, done)
  while (!is_done) {
    await Bun.sleep(1)
    // Nothing of the books is under way when time passes: a commit takes no minutes.
    await stage.app.app.store.tx(async () => {})
    if (!is_done) stage.app.clock.advance(5_000)
  }
  return work
}

async function inLanes(
  indexes: readonly number[],
  run: (index: number) => Promise<Finding[]>,
): Promise<Finding[]> {
  const found: Finding[] = []
  const waiting = [...indexes]
  const lane = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift())
      found.push(...(await run(index).catch(error => [thrown(index, error)])))
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return found
}

/** A validator that throws, or the fuzzer itself: neither may. */
const thrown = (index: number, error: unknown): Finding => ({
  index,
  message: `judging it threw ${error instanceof Error ? error.stack : String(error)}`,
})

/** What nobody caught, by the batch in which it came up. */
const rejections: string[] = []

/** Only while cases run: what the fuzzer itself throws must end it. */
function collectRejections(): void {
  process.on("unhandledRejection", reason => {
    rejections.push(`an unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`)
  })
  process.on("uncaughtException", error => {
    rejections.push(`an uncaught exception: ${error instanceof Error ? error.stack : String(error)}`)
  })
}

const MARK = "tally "

async function runInProcess(worker: number): Promise<Tally> {
  const args = [import.meta.path, ...Bun.argv.slice(2), "--worker", String(worker)]
  const child = Bun.spawn([process.execPath, ...args], { stdout: "pipe", stderr: "inherit" })
  const output = await new Response(child.stdout).text()
  const line = output.split("\n").find(text => text.startsWith(MARK))
  if (line === undefined)
    throw new Error(`worker ${worker} ended with ${await child.exited} and said: ${output.slice(-500)}`)
  return JSON.parse(line.slice(MARK.length)) as Tally
}

async function runAll(): Promise<number> {
  const started_at = performance.now()
  console.log(`seed ${seed}, ${worker_count} workers`)
  const tallies =
    values.at === undefined
      ? await Promise.all(Array.from({ length: worker_count }, (_, worker) => runInProcess(worker)))
      : [await runShare(0)]
  const findings = tallies.flatMap(tally => tally.findings).sort((a, b) => a.index - b.index)
  for (const { kind, index, message } of findings.slice(0, Number(values["most-findings"]))) {
    console.log(
      `${kind} ${index}: ${message}\n  reproduce: scripts/fuzz --seed ${seed} --only ${kind} --at ${index}`,
    )
  }
  const peak_mb = Math.max(...tallies.map(tally => tally.peak_mb))
  console.log(`answers by status: ${JSON.stringify(sumOf(tallies.map(tally => tally.statuses)))}`)
  const total = (kind: Kind) => tallies.reduce((sum, tally) => sum + tally.counts[kind], 0)
  console.log(`${Math.round((performance.now() - started_at) / 1000)} s, at most ${peak_mb} MB a worker`)
  console.log(`${total("requests")} requests, ${total("streams")} streams, ${findings.length} violations`)
  return findings.length > 0 ? 1 : 0
}

function sumOf(counts: Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const [name, count] of counts.flatMap(Object.entries)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

async function runWorker(worker: number): Promise<number> {
  console.log(MARK + JSON.stringify(await runShare(worker)))
  return 0
}

try {
  process.exit(await (values.worker === undefined ? runAll() : runWorker(Number(values.worker))))
} catch (error) {
  // The fuzzer's own fault, which no handler of rejections may hide.
  console.error(error)
  process.exit(1)
}
