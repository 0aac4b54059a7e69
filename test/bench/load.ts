/** The bench's client process: keeps connections busy, or open, and prints what it saw as JSON. */
import { type Answer, openConnection } from "./connection.ts"

/** Given as JSON on standard input: a body of 5 MB is too large for an argument. */
export interface LoadOrder {
  port: number
  path: string
  headers: Record<string, string>
  /** One after the other instead of the header. */
  bearers?: string[] | undefined
  body: string
  concurrency: number
  seconds: number
  /** The upstream stamps its first delta. */
  isStamped?: boolean
  /** Open each connection, wait for its first byte, print `{"opened":n}`, and keep them until killed. */
  isHeld: boolean
}

export interface LoadReport {
  requestCount: number
  /** Failures by status or by `closed`; they are not in the samples. */
  failures: Record<string, number>
  seconds: number
  firstByteMicros: number[]
  /** From a stamped delta's writing to its arrival; empty when the upstream stamps none. */
  deltaMicros: number[]
  totalMicros: number[]
}

if (import.meta.main) {
  const order: LoadOrder = await Bun.stdin.json()
  const report = order.isHeld ? await holdOpen(order) : await runLoad(order)
  console.log(JSON.stringify(report))
  if (!order.isHeld) process.exit(0)
}

async function runLoad(order: LoadOrder): Promise<LoadReport> {
  const report: LoadReport = {
    requestCount: 0,
    failures: {},
    seconds: 0,
    firstByteMicros: [],
    deltaMicros: [],
    totalMicros: [],
  }
  const requests = (order.bearers ?? [undefined]).map(bearer => requestBytes(order, bearer))
  const startedAt = performance.now()
  const endsAt = startedAt + order.seconds * 1000
  // Each run begins elsewhere: else it would ask for what the run before has just warmed.
  let next = Math.floor(Math.random() * requests.length)
  const worker = async (_: unknown, index: number) => {
    let connection = await openConnection(order.port, order.isStamped)
    // Spread over 20 ms: behind a slow upstream, workers that start together would stay together.
    await Bun.sleep((index * 20) / order.concurrency)
    while (performance.now() < endsAt) {
      const answer = await connection.send(requests[next++ % requests.length]!)
      count(report, answer)
      if (answer.isClosed) connection = await openConnection(order.port, order.isStamped)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: order.concurrency }, worker))
  report.seconds = (performance.now() - startedAt) / 1000
  return report
}

function count(report: LoadReport, answer: Answer): void {
  report.requestCount++
  if (answer.status === 200 && answer.isWhole) {
    report.firstByteMicros.push(Math.round(answer.firstByteMs * 1000))
    if (answer.deltaMs !== undefined) report.deltaMicros.push(Math.round(answer.deltaMs * 1000))
    report.totalMicros.push(Math.round(answer.totalMs * 1000))
    return
  }
  const reason = answer.isWhole ? String(answer.status) : "closed"
  report.failures[reason] = (report.failures[reason] ?? 0) + 1
}

/** At most 32 connections wait for their first byte at a time, so that no queue is measured. */
async function holdOpen(order: LoadOrder): Promise<{ opened: number }> {
  const request = requestBytes(order, order.bearers?.[0])
  let started = 0
  let opened = 0
  const worker = async () => {
    while (started < order.concurrency) {
      started++
      const connection = await openConnection(order.port)
      const first = Promise.withResolvers<void>()
      connection.onFirstByte = first.resolve
      const end = connection.send(request).then(() => "ended")
      if ((await Promise.race([first.promise, end])) !== "ended") opened++
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
  return { opened }
}

function requestBytes({ path, headers, body }: LoadOrder, bearer?: string): Uint8Array {
  const lines = Object.entries({
    host: "127.0.0.1",
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    ...headers,
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return new TextEncoder().encode(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`)
}
