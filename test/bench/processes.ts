/** Starting, watching and ending the programs the bench measures; each by its own process id. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Gateway } from "./gateways.ts"

export interface Running {
  gateway: Gateway
  pid: number
  port: number
  command: string[]
  env: Record<string, string>
  /** From the start of the process to its first 200 of the health path. */
  startMs: number
  stop(): Promise<void>
}

export interface Usage {
  /** Processor time since the start in ticks of 10 ms: complete, but coarse. */
  tickMicros: number
  /** Processor time of each living thread: exact, but lost when a thread ends. */
  threadMicros: Map<string, number>
  residentBytes: number
}

const shared = { PATH: process.env.PATH ?? "", BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" }
const ticksPerSecond = 100 // USER_HZ: fixed on Linux for what /proc shows

/** Starts a program and waits until it is up, at most 20 s; `dataDir` is kept by the caller. */
export async function startGateway(gateway: Gateway, upstreamUrl: string, dataDir: string): Promise<Running> {
  const port = await freePort()
  const fill = (text: string) =>
    text.replace("{port}", String(port)).replace("{upstream}", upstreamUrl).replace("{data}", dataDir)
  const command = gateway.command.map(fill)
  const filled = Object.entries(gateway.env).map(([name, value]) => [name, fill(value)])
  const env = { ...shared, HOME: dataDir, ...Object.fromEntries(filled) }
  const startedAt = performance.now()
  const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" })
  const stop = async () => {
    child.kill("SIGTERM")
    const tooSlow = setTimeout(() => child.kill("SIGKILL"), 5000)
    await child.exited
    clearTimeout(tooSlow)
  }
  while (!(await isUp(`http://127.0.0.1:${port}${gateway.healthPath}`))) {
    if (child.exitCode !== null || performance.now() - startedAt > 20_000) {
      await stop()
      throw new Error(`${gateway.name} did not start: ${command.join(" ")}`)
    }
    await Bun.sleep(1)
  }
  const startMs = performance.now() - startedAt
  return { gateway, pid: child.pid, port, command, env, startMs, stop }
}

/** Makes a customer with plenty of credit and a key, through the program's own admin commands. */
export const mintKey: NonNullable<Gateway["prepare"]> = async ({ command, env }) => {
  const admin = async (...words: string[]) => {
    const child = Bun.spawn([command[0] ?? "", "admin", ...words, "--json"], { env, stderr: "pipe" })
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
    if ((await child.exited) !== 0) throw new Error(`admin ${words.join(" ")}: ${stdout}${stderr}`)
    return JSON.parse(stdout)
  }
  const email = `bench-${crypto.randomUUID()}@example.com`
  const { id } = await admin("customer", "create", "--email", email, "--credit", "100000")
  const { key } = await admin("key", "create", "--customer", id, "--name", "bench")
  return { authorization: `Bearer ${key}` }
}

/** Makes a folder for a program's data and gives it to `work`; deletes it afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "codexapi-bench-"))
  return work(folder).finally(() => rm(folder, { recursive: true, force: true }))
}

/** What a process and its children have used, all threads, user and system. */
export async function readUsage(pid: number): Promise<Usage> {
  const [stat, status, children, threads] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile(`/proc/${pid}/task/${pid}/children`, "utf8"),
    readdir(`/proc/${pid}/task`),
  ])
  // The name in field 2 may hold blanks: count from behind it. utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const ticks = Number(fields[11]) + Number(fields[12])
  const usage: Usage = {
    tickMicros: (ticks * 1_000_000) / ticksPerSecond,
    threadMicros: new Map(await Promise.all(threads.map(thread => readThread(pid, thread)))),
    residentBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024,
  }
  for (const child of children.split(" ").filter(Boolean)) {
    const of = await readUsage(Number(child))
    usage.tickMicros += of.tickMicros
    usage.residentBytes += of.residentBytes
    for (const [thread, micros] of of.threadMicros) usage.threadMicros.set(thread, micros)
  }
  return usage
}

/** Processor time between two readings: exact when no thread ended in between, else in ticks. */
export function cpuMicrosBetween(before: Usage, after: Usage): number {
  const hasLostThread = [...before.threadMicros.keys()].some(thread => !after.threadMicros.has(thread))
  if (hasLostThread) return after.tickMicros - before.tickMicros
  const sum = (usage: Usage) => usage.threadMicros.values().reduce((total, micros) => total + micros, 0)
  return sum(after) - sum(before)
}

async function readThread(pid: number, thread: string): Promise<[string, number]> {
  const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0")
  return [thread, Number(text.split(" ")[0]) / 1000] // a thread that ended meanwhile counts as nothing
}

async function isUp(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url)
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false // not listening yet
  }
}

async function freePort(): Promise<number> {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}
