/** The bench's results as tables for people; every figure beside its ratio to the pass-through. */
import { booksRows } from "./books.ts"
import { yardstick } from "./gateways.ts"
import type { GrowthResult } from "./growth.ts"
import type { Cell, CellResult, ColdStartResult, StreamsResult } from "./measures.ts"
import type { TranslationResult } from "./translation.ts"

export interface Report {
  measuredAt: string
  machine: { cpuCount: number; cpuModel: string; bun: string }
  secondsPerCell: number
  bodyKb: number
  cells: { cell: Cell; results: Record<string, CellResult> }[]
  streams: Record<string, StreamsResult>
  /** By program and way. */
  growth: Record<string, GrowthResult>
  translation: TranslationResult[]
  coldStarts: Record<string, ColdStartResult>
}

type Row = (string | number | undefined)[]

/** The whole report as text. */
export function reportText(report: Report): string {
  const { cpuCount, cpuModel, bun } = report.machine
  const parts = [
    `${cpuCount} × ${cpuModel}, Bun ${bun}, ${report.measuredAt}`,
    `${report.secondsPerCell} s per cell and program, requests of ${report.bodyKb || "0.1"} KB`,
    "× and over = divided by, and minus, the pass-through of the same run; added = minus the upstream asked directly",
    ...report.cells.map(({ cell, results }) => `\n${cellTitle(cell)}\n${cellTable(cell, results)}`),
    ...section("Large books divided by small ones; again: the small ones twice", booksTable(report)),
    ...section("Translation in one process, 2,000 events (aim: 3 µs)", translationTable(report.translation)),
    ...section("Open streams", streamsTable(report.streams)),
    ...section("Memory and the length of a stream (aim: no growth)", growthTable(report.growth)),
    ...section("Cold start, from the start of the process to the first 200", coldTable(report.coldStarts)),
  ]
  return parts.join("\n")
}

/** The whole report as JSON, each program's figures with their ratios to the pass-through. */
export function reportJson(report: Report): string {
  const cells = report.cells.map(({ cell, results }) => ({
    title: cellTitle(cell),
    cell,
    results: withRatios(results),
  }))
  const streams = withRatios(report.streams)
  const coldStarts = withRatios(report.coldStarts)
  return `${JSON.stringify({ ...report, cells, streams, coldStarts }, null, 2)}\n`
}

function withRatios<T extends object>(results: Record<string, T>): Record<string, T & { ratios: object }> {
  const base: Record<string, unknown> = { ...results[yardstick] }
  const rows = Object.entries(results).map(([name, own]) => {
    const ratios = Object.entries(own).flatMap(([figure, value]) => {
      const of = base[figure]
      return typeof value === "number" && typeof of === "number" && of !== 0 ? [[figure, value / of]] : []
    })
    return [name, { ...own, ratios: Object.fromEntries(ratios) }]
  })
  return Object.fromEntries(rows)
}

/** What a cell is called; the ledger's figure is one of them. */
export function cellTitle(cell: Cell): string {
  const { kind, delayMs, concurrency, way } = cell
  const answer = kind === "json" ? "JSON, 0.9 KB" : "SSE, 40 events"
  const crossing = way.client === way.upstream ? "" : `, ${way.client} on ${way.upstream}`
  const request =
    cell.pictureBytes === undefined ? "" : `, ${cell.pictureBytes / 1e6} MB of pictures asked with`
  const when = delayMs > 0 ? `first byte after ${delayMs} ms` : "first byte at once"
  const paced = cell.pace === "paced" ? ", events one by one 1 ms apart" : ""
  const notes: { [kind in Cell["kind"]]?: string } = {
    cross: "  [aim: × 2.6 of the CPU]",
    delta: "  [from the upstream's writing of the first delta to its arrival; aim: 2 ms added]",
    body: "  [aim: 30 ms over]",
  }
  const isLedger = kind === "json" && delayMs === 0 && concurrency === 64
  const ledger = isLedger ? "  [ledger: metered requests/s, 64 clients, synchronous=FULL]" : ""
  const note = notes[kind] ?? ledger
  return `${answer}${crossing}${request}, ${when}${paced}, ${concurrency} at a time${note}`
}

const TIMED: { [kind in Cell["kind"]]?: string } = { json: "total", delta: "delta" }

function cellTable(cell: Cell, results: Record<string, CellResult>): string {
  const base = results[yardstick]
  const at = TIMED[cell.kind] ?? "first byte"
  const head = [
    "",
    "cpu µs",
    "×",
    "req/s",
    "×",
    `${at} p50 ms`,
    "p99",
    "added p50",
    "p99",
    "over p50",
    "RSS MB",
    "×",
    "failed",
  ]
  const rows = Object.entries(results).map(([name, own]): Row => {
    const failed = Object.entries(own.failures).map(([reason, count]) => `${count}×${reason}`)
    return [
      name,
      round(own.cpuMicros, 1),
      ratio(own.cpuMicros, base?.cpuMicros),
      round(own.requestsPerSecond, 0),
      ratio(own.requestsPerSecond, base?.requestsPerSecond),
      round(own.p50Ms, 2),
      round(own.p99Ms, 2),
      round(own.addedP50Ms, 2),
      round(own.addedP99Ms, 2),
      round(own.p50Ms - (base?.p50Ms ?? Number.NaN), 2),
      round(own.residentMb || undefined, 0),
      ratio(own.residentMb || undefined, base?.residentMb),
      failed.join(" ") || "0",
    ]
  })
  return table([head, ...rows])
}

/** Of each cell: what the small books take, and the ratio of the large ones beside that of the small ones once more. */
function booksTable({ cells }: Report): Row[] {
  const figures = ["cpuMicros", "requestsPerSecond", "p50Ms", "p99Ms"] as const
  const head = ["cpu µs", "req/s", "p50 ms", "p99 ms"].flatMap(figure => [figure, "large ×", "again ×"])
  const rows = cells.flatMap(({ cell, results }): Row[] => {
    const [small, again, large] = [booksRows.small, booksRows.again, booksRows.large].map(
      name => results[name],
    )
    if (!small) return []
    const columns = figures.flatMap(figure => [
      round(small[figure], figure === "requestsPerSecond" ? 0 : 2),
      ratio(large?.[figure], small[figure]),
      ratio(again?.[figure], small[figure]),
    ])
    return [[cellTitle(cell).replace(/ +\[.*$/, ""), ...columns]]
  })
  return [["", ...head], ...rows]
}

function streamsTable(streams: Record<string, StreamsResult>): Row[] {
  const base = streams[yardstick]
  const rows = Object.entries(streams).map(([name, own]): Row => {
    const perStream = [round(own.kbPerStream, 1), ratio(own.kbPerStream, base?.kbPerStream)]
    return [name, own.openedCount, ...perStream, round(own.residentMb, 0)]
  })
  return [["", "open", "KB per stream", "×", "RSS MB"], ...rows]
}

function growthTable(growth: Record<string, GrowthResult>): Row[] {
  const rows = Object.entries(growth).map(([name, own]): Row => {
    const figures = [round(own.shortMb, 0), round(own.longMb, 0), round(own.longMb - own.shortMb, 0)]
    return [name, ...figures, own.longStreamCount]
  })
  return [["", "RSS MB, 2,000 events", "100,000 events", "growth", "long streams"], ...rows]
}

function translationTable(results: TranslationResult[]): Row[] {
  const rows = results.map((own): Row => {
    const figures = [round(own.microsPerEvent, 2), round(own.bestMicros, 2), round(own.keptKb, 0)]
    return [`${own.client} on ${own.upstream}`, ...figures]
  })
  return [["", "cpu µs per event", "best round", "KB kept of 100,000 deltas (490 KB)"], ...rows]
}

function coldTable(coldStarts: Record<string, ColdStartResult>): Row[] {
  const base = coldStarts[yardstick]
  const rows = Object.entries(coldStarts).map(([name, own]): Row => {
    const median = [round(own.medianMs, 0), ratio(own.medianMs, base?.medianMs)]
    return [name, ...median, round(own.worstMs, 0), round(own.firstMs, 0)]
  })
  return [["", "median ms", "×", "worst", "first, empty folder"], ...rows]
}

function section(title: string, rows: Row[]): string[] {
  return rows.length > 1 ? [`\n${title}\n${table(rows)}`] : []
}

function table(rows: Row[]): string {
  const cells = rows.map(row => row.map(value => String(value ?? "–")))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  const line = (row: string[]) =>
    row.map((text, column) =>
      column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
    )
  return cells.map(row => line(row).join("  ")).join("\n")
}

function round(value: number | undefined, digits: number): string | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value.toFixed(digits)
}

function ratio(value: number | undefined, base: number | undefined): string | undefined {
  return value === undefined || !base ? undefined : (value / base).toFixed(2)
}
