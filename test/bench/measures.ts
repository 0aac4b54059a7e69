/** What is measured, and how: cells of load in turns, open streams, cold starts. */
import type { Gateway } from "./gateways.ts"
import { readUsage, startGateway } from "./processes.ts"
import { holdStreams, type Run, runOnce, type Target } from "./runs.ts"
import type { UpstreamMode } from "./upstream.ts"
import { type Asking, bodyOf, CROSSED, MESSAGES_ON_RESPONSES, PASSED, pathOf, type Way } from "./ways.ts"

/** One situation in which every target is measured. All but `json` are answered by streams. */
export interface Cell extends UpstreamMode {
  /**
   * `cross`: between protocols; `delta`: how long the first delta is under way; `body`: with pictures in the request.
   */
  kind: "sse" | "json" | "cross" | "delta" | "body"
  concurrency: number
  way: Way
  pictureBytes?: number
}

export interface CellResult {
  /** Per request; undefined for the upstream itself. */
  cpuMicros: number | undefined
  requestsPerSecond: number
  /** To the first byte for streams, to the last for JSON, the first delta's own way for `delta`. */
  p50Ms: number
  p99Ms: number
  /** The same minus the upstream's own, measured in the same turns. */
  addedP50Ms: number
  addedP99Ms: number
  residentMb: number
  requestCount: number
  failures: Record<string, number>
}

export interface StreamsResult {
  openedCount: number
  kbPerStream: number
  residentMb: number
}

export interface ColdStartResult {
  /** With an empty data folder. */
  firstMs: number
  medianMs: number
  worstMs: number
}

export const direct = "upstream itself"

const packed = { delayMs: 0, pace: "packed" } as const

export const cells: Cell[] = [
  ...[0, 20].flatMap(delayMs =>
    (["sse", "json"] as const).flatMap(kind =>
      [1, 16, 64].map(concurrency => ({ ...packed, kind, delayMs, concurrency, way: PASSED })),
    ),
  ),
  { kind: "sse", delayMs: 0, concurrency: 16, pace: "paced", way: PASSED },
  ...CROSSED.map(way => ({ ...packed, kind: "cross" as const, concurrency: 16, way })),
  ...[PASSED, MESSAGES_ON_RESPONSES].flatMap(way => [
    { kind: "delta" as const, concurrency: 16, delayMs: 0, pace: "stamped" as const, way },
    { ...packed, kind: "body" as const, concurrency: 1, way, pictureBytes: 5_000_000 },
  ]),
]

/** The plain metered request, from an upstream that answers at once: all that is left is our own work. */
export const takesNoTime = ({ kind, delayMs, pace }: Cell): boolean =>
  (kind === "sse" || kind === "json") && delayMs === 0 && pace === "packed"

export interface CellSettings {
  seconds: number
  /** The request is filled up to this; a real first request of the Codex CLI has 40 KB. */
  bodyBytes: number
}

/** Measures one cell: in three rounds each target takes its turn, so that a noisy moment hits all. */
export async function measureCell(
  cell: Cell,
  targets: Target[],
  { seconds, bodyBytes }: CellSettings,
): Promise<Record<string, CellResult>> {
  const rounds = 3
  const runs = new Map<string, Run[]>(targets.map(target => [target.name, []]))
  const { way, concurrency, pictureBytes = 0 } = cell
  const body = bodyOf({ way, isStreamed: cell.kind !== "json", leastBytes: bodyBytes, pictureBytes })
  const settings = { body, concurrency, seconds: seconds / rounds, isStamped: cell.pace === "stamped" }
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      runs.get(target.name)?.push(await runOnce(target, { ...settings, path: pathOf(target, way) }))
    }
  }
  const reference = timesOf(cell, runs.get(direct) ?? [])
  const results = targets.map(target => {
    const own = runs.get(target.name) ?? []
    return [target.name, resultOf(own, { times: timesOf(cell, own), reference })]
  })
  return Object.fromEntries(results)
}

/** Runs each target for a while before anything is measured, so that its code is compiled and hot. */
export async function warmUp(targets: Target[], seconds: number): Promise<void> {
  const askings: Asking[] = [
    { way: PASSED, isStreamed: true },
    { way: PASSED, isStreamed: false },
    ...CROSSED.map(way => ({ way, isStreamed: true })),
  ]
  for (const target of targets) {
    for (const asking of askings) {
      const settings = { concurrency: 16, seconds: seconds / askings.length }
      await runOnce(target, { ...settings, path: pathOf(target, asking.way), body: bodyOf(asking) })
    }
  }
}

/** Opens `count` streams that stay silent after their first event and looks at the memory they take. */
export async function measureStreams(target: Target, count: number): Promise<StreamsResult> {
  const pid = target.pid ?? process.pid
  const before = await readUsage(pid)
  const body = bodyOf({ way: PASSED, isStreamed: true })
  const settings = { path: pathOf(target, PASSED), body, concurrency: count, seconds: 0 }
  return holdStreams(target, settings, async openedCount => {
    await Bun.sleep(1000)
    const { residentBytes } = await readUsage(pid)
    return {
      openedCount,
      kbPerStream: (residentBytes - before.residentBytes) / 1024 / Math.max(1, openedCount),
      residentMb: residentBytes / 1024 / 1024,
    }
  })
}

interface ColdStartSetup {
  upstreamUrl: string
  folder: string
  rounds: number
}

/** Starts and stops each program in turns; the first round finds an empty data folder. */
export async function measureColdStarts(
  gateways: Gateway[],
  { upstreamUrl, folder, rounds }: ColdStartSetup,
): Promise<Record<string, ColdStartResult>> {
  const times = new Map<string, number[]>(gateways.map(gateway => [gateway.name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const gateway of gateways) {
      const running = await startGateway(gateway, upstreamUrl, `${folder}/cold-${gateway.name}`)
      times.get(gateway.name)?.push(running.startMs)
      await running.stop()
    }
  }
  const results = [...times].map(([name, [firstMs = 0, ...again]]) => [
    name,
    { firstMs, medianMs: quantile(again, 0.5), worstMs: quantile(again, 1) },
  ])
  return Object.fromEntries(results)
}

interface Times {
  times: number[]
  reference: number[]
}

function resultOf(runs: Run[], { times, reference }: Times): CellResult {
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0)
  const requestCount = sum(run => run.requestCount)
  const failures: Record<string, number> = {}
  for (const [reason, count] of runs.flatMap(run => Object.entries(run.failures))) {
    failures[reason] = (failures[reason] ?? 0) + count
  }
  const cpuMicros = sum(run => run.cpuMicros)
  return {
    cpuMicros: cpuMicros > 0 ? cpuMicros / Math.max(1, requestCount) : undefined,
    requestsPerSecond: times.length / sum(run => run.seconds),
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    addedP50Ms: quantile(times, 0.5) - quantile(reference, 0.5),
    addedP99Ms: quantile(times, 0.99) - quantile(reference, 0.99),
    residentMb: Math.max(...runs.map(run => run.residentBytes)) / 1024 / 1024,
    requestCount,
    failures,
  }
}

const FIGURES: { [kind in Cell["kind"]]?: "totalMicros" | "deltaMicros" } = {
  json: "totalMicros",
  delta: "deltaMicros",
}

function timesOf(cell: Cell, runs: Run[]): number[] {
  const { [cell.kind]: figure = "firstByteMicros" } = FIGURES
  return runs.flatMap(run => run[figure]).map(us => us / 1000)
}

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
