/** The bench's command line: starts the programs, measures them in turns, prints tables and writes JSON. */
import { existsSync } from "node:fs"
import { cpus } from "node:os"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { booksGateways, readBooksPlan } from "./books.ts"
import { type Gateway, gateways, yardstick } from "./gateways.ts"
import { growthWays, measureGrowth } from "./growth.ts"
import {
  type Cell,
  cells,
  direct,
  measureCell,
  measureColdStarts,
  measureStreams,
  takesNoTime,
  warmUp,
} from "./measures.ts"
import { startGateway, withFolder } from "./processes.ts"
import { cellTitle, type Report, reportJson, reportText } from "./report.ts"
import type { Target } from "./runs.ts"
import { measureTranslation } from "./translation.ts"
import type { UpstreamMode } from "./upstream.ts"

const help = `scripts/bench [options]
  --seconds N      per measured cell and program (default 2)
  --only LIST      of: sse, json, cross, delta, body, growth, streams, translation, cold (default all);
                   ledger is one cell of json
  --gateways LIST  rows to measure (default pass-through,codexapi)
  --body-kb N      size of the request's body (default 0: as small as it gets; the Codex CLI sends 40)
  --streams N      how many streams to hold open (default 1000)
  --books C,T      instead of the rest: metered requests on small books and on books of so many customers and
                   transfers (1000000,10000000 takes minutes to make once, and 5 GB in .cache and in /tmp)
  --callers N      with --books: how many customers ask in turns, from all over the file (default 64: each client
                   is one; with 5000 none is asked for twice in a second)
  --json FILE      write the results there as well`

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    only: {
      type: "string",
      default: "sse,json,cross,delta,body,growth,streams,translation,cold",
    },
    gateways: { type: "string", default: "pass-through,codexapi" },
    "body-kb": { type: "string", default: "0" },
    streams: { type: "string", default: "1000" },
    books: { type: "string" },
    callers: { type: "string", default: "64" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

if (values.help) console.log(help)
else await main()

async function main(): Promise<void> {
  const books = values.books === undefined ? undefined : readBooksPlan(values.books, values.callers)
  const chosen = chooseGateways(books ? [yardstick] : values.gateways.split(","))
  if (books) chosen.push(...booksGateways(chooseGateways(["codexapi"])[0]!, books))
  const only = new Set(books ? [] : values.only.split(","))
  const report: Report = {
    measuredAt: new Date().toISOString(),
    machine: { cpuCount: cpus().length, cpuModel: cpus()[0]?.model.trim() ?? "", bun: Bun.version },
    secondsPerCell: Number(values.seconds),
    bodyKb: Number(values["body-kb"]),
    cells: [],
    streams: {},
    growth: {},
    translation: [],
    coldStarts: {},
  }
  const upstream = await startUpstream()
  try {
    const measured = cells.filter(cell => (books ? takesNoTime(cell) : only.has(cell.kind)))
    await withFolder(folder => measureAll({ chosen, only, measured, report, upstream, folder }))
  } finally {
    await upstream.stop()
  }
  console.log(reportText(report))
  if (values.json) await Bun.write(values.json, reportJson(report))
}

interface Work {
  chosen: Gateway[]
  only: Set<string>
  measured: Cell[]
  report: Report
  upstream: BenchUpstream
  folder: string
}

async function measureAll(work: Work): Promise<void> {
  const { chosen, only, measured, report, upstream, folder } = work
  if (only.has("translation")) {
    progress("translation")
    report.translation = measureTranslation()
  }
  if (only.has("cold")) {
    progress("cold starts")
    const setup = { upstreamUrl: upstream.url, folder, rounds: 10 }
    report.coldStarts = await measureColdStarts(chosen, setup)
  }
  if (measured.length === 0 && !only.has("streams") && !only.has("growth")) return
  const { targets, stopAll } = await startTargets(chosen, upstream, folder)
  try {
    await upstream.play({ delayMs: 0, pace: "packed" })
    await warmUp(targets, 5)
    await measureCells(work, targets)
    if (only.has("streams")) await measureOpenStreams(work, targets)
    // Last, because a heap that has grown does not shrink.
    if (only.has("growth")) await measureAllGrowth(work, targets)
  } finally {
    await stopAll()
  }
}

async function measureCells({ measured, report, upstream }: Work, targets: Target[]): Promise<void> {
  for (const cell of measured) {
    progress(cellTitle(cell))
    await upstream.play({ delayMs: cell.delayMs, pace: cell.pace })
    const settings = { seconds: report.secondsPerCell, bodyBytes: report.bodyKb * 1000 }
    report.cells.push({ cell, results: await measureCell(cell, [upstream.target, ...targets], settings) })
  }
}

async function measureOpenStreams({ report, upstream }: Work, targets: Target[]): Promise<void> {
  await upstream.play({ delayMs: 0, pace: "held" })
  for (const target of targets) {
    progress(`open streams: ${target.name}`)
    report.streams[target.name] = await measureStreams(target, Number(values.streams))
  }
}

async function measureAllGrowth({ report, upstream }: Work, targets: Target[]): Promise<void> {
  for (const [title, way] of Object.entries(growthWays)) {
    progress(`growth: ${title}`)
    for (const target of targets) {
      const setup = { way, seconds: report.secondsPerCell, play: upstream.play }
      report.growth[`${target.name}, ${title}`] = await measureGrowth(target, setup)
    }
  }
}

function chooseGateways(names: string[]): Gateway[] {
  return names.map(name => {
    const gateway = gateways.find(row => row.name === name)
    if (!gateway) throw new Error(`no row "${name}" in test/bench/gateways.ts`)
    const program = gateway.command[0] ?? ""
    if (!existsSync(program)) throw new Error(`${program} is missing: run scripts/build first`)
    return gateway
  })
}

async function startTargets(chosen: Gateway[], upstream: BenchUpstream, folder: string) {
  const targets: Target[] = []
  const stops: (() => Promise<void>)[] = []
  const stopAll = async () => {
    await Promise.all(stops.map(stop => stop()))
  }
  try {
    for (const gateway of chosen) {
      const data = `${folder}/${gateway.name}`
      const bearers = await gateway.fill?.(data)
      const running = await startGateway(gateway, upstream.url, data)
      stops.push(running.stop)
      const headers = { ...gateway.headers, ...(await gateway.prepare?.(running)) }
      const { name, isTranslating } = gateway
      targets.push({ name, pid: running.pid, port: running.port, isTranslating, headers, bearers })
    }
  } catch (error) {
    await stopAll() // nothing that was started may outlive the bench
    throw error
  }
  return { targets, stopAll }
}

interface BenchUpstream {
  url: string
  target: Target
  play(mode: UpstreamMode): Promise<void>
  stop(): Promise<void>
}

async function startUpstream(): Promise<BenchUpstream> {
  const program = resolve(import.meta.dir, "upstream.ts")
  const child = Bun.spawn([process.execPath, program], { stdin: "ignore", stdout: "pipe", stderr: "inherit" })
  let line = ""
  for await (const chunk of child.stdout) {
    line += new TextDecoder().decode(chunk)
    if (line.includes("\n")) break
  }
  const origin = line.slice(line.indexOf("http")).trim()
  return {
    url: `${origin}/v1`,
    target: {
      name: direct,
      pid: undefined,
      port: Number(new URL(origin).port),
      isTranslating: false,
      headers: {},
    },
    async play(mode) {
      await fetch(`${origin}/control`, { method: "POST", body: JSON.stringify(mode) })
    },
    async stop() {
      child.kill("SIGTERM")
      await child.exited
    },
  }
}

function progress(text: string): void {
  process.stderr.write(`… ${text}\n`)
}
