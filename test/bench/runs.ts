/** One run of the client process against one target. */
import { resolve } from "node:path"
import type { LoadOrder, LoadReport } from "./load.ts"
import { cpuMicrosBetween, readUsage } from "./processes.ts"

export interface Target {
  name: string
  /** Undefined for the upstream itself, whose processor time is not measured. */
  pid: number | undefined
  port: number
  /** It takes requests of one protocol for models of another; the others are asked in the upstream's. */
  isTranslating: boolean
  headers: Record<string, string>
  /** Requests have these in turns. */
  bearers?: string[] | undefined
}

export interface Run extends LoadReport {
  cpuMicros: number
  residentBytes: number
}

export type LoadSettings = Pick<LoadOrder, "path" | "body" | "concurrency" | "seconds" | "isStamped">

const program = resolve(import.meta.dir, "load.ts")

/** Runs the load and gives what it saw with what the target used meanwhile. */
export async function runOnce(target: Target, settings: LoadSettings): Promise<Run> {
  const before = target.pid === undefined ? undefined : await readUsage(target.pid)
  const child = spawnLoad({ ...orderFor(target), ...settings, isHeld: false })
  const text = await child.stdout.text()
  if ((await child.exited) !== 0) throw new Error(`the load client failed against ${target.name}`)
  // Work put off until after the answer belongs to the request too.
  await Bun.sleep(60)
  const after = target.pid === undefined ? undefined : await readUsage(target.pid)
  const report: LoadReport = JSON.parse(text)
  return {
    ...report,
    cpuMicros: before && after ? cpuMicrosBetween(before, after) : 0,
    residentBytes: after?.residentBytes ?? 0,
  }
}

/** Opens streams that stay open while `work` runs; `work` is given how many really opened. */
export async function holdStreams<T>(
  target: Target,
  settings: LoadSettings,
  work: (openedCount: number) => Promise<T>,
): Promise<T> {
  const child = spawnLoad({ ...orderFor(target), ...settings, isHeld: true })
  const tooSlow = setTimeout(() => child.kill("SIGKILL"), 30_000)
  let text = ""
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk)
    if (text.includes("\n")) break
  }
  clearTimeout(tooSlow)
  const opened = text.includes("\n") ? JSON.parse(text).opened : 0
  try {
    return await work(opened)
  } finally {
    child.kill("SIGKILL")
    await child.exited
  }
}

function orderFor({ port, headers, bearers }: Target): Pick<LoadOrder, "port" | "headers" | "bearers"> {
  return { port, headers, bearers }
}

function spawnLoad(order: LoadOrder) {
  const env = { PATH: process.env.PATH ?? "", BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" }
  return Bun.spawn([process.execPath, program], {
    env,
    stdin: new Blob([JSON.stringify(order)]),
    stdout: "pipe",
    stderr: "inherit",
  })
}
