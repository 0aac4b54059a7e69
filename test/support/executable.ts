/** Runs the built executable as its users do: its own process, its own data folder, its admin commands. */
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

export interface ExecutableOptions {
  /** Base URL of the `openai` upstream, including `/v1`. */
  upstreamUrl: string
  /** Beside the defaults; undefined takes one away. */
  env?: Record<string, string | undefined>
  /** A data folder to go on with, for example after `kill9`; a new one, deleted by `stop`, otherwise. */
  dataDir?: string
}

export interface Wallet {
  balanceUsd: string
  heldUsd: string
  availableUsd: string
}

export interface Receipt {
  requestId: string
  modelAsked: string
  modelServed: string | null
  state: string
  costUsd: string | null
  chargedUsd: string
  inputTokens: number | null
  cacheReadTokens: number | null
  outputTokens: number | null
  usageSource: string | null
  endReason: string | null
  [field: string]: unknown
}

export interface Customer {
  id: string
  systemToken: string
  /** A User API Key, `cxk_…`. */
  key: string
  wallet(): Promise<Wallet>
  /** Newest first, as the API gives them. */
  receipts(): Promise<Receipt[]>
}

export interface LedgerReport {
  ok: boolean
  laws: unknown[]
  exitCode: number
}

export interface Executable {
  origin: string
  baseUrl: string
  dataDir: string
  pid: number
  /** Everything it printed so far, both streams. */
  printed(): string
  /** Any other command, in the environment of the server. */
  run(words: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }>
  /** An admin command with `--json`; throws what it printed when it fails. */
  admin(...words: string[]): Promise<Record<string, unknown>>
  createCustomer(creditUsd: string): Promise<Customer>
  verifyLedger(): Promise<LedgerReport>
  /** SIGTERM, waits for the end, deletes a data folder it made; gives the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL, waits for the end, keeps the data folder. */
  kill9(): Promise<void>
}

/** Another build to test instead, for example one with a planted bug. */
const binary = Bun.env.CODEXAPI_TEST_EXECUTABLE ?? resolve(import.meta.dir, "../../dist/codexapi")
const readyLine = /codexapi listening on (http:\/\/\S+)/

/** Starts `serve` on a free port and waits for its ready line, at most 10 s. */
export async function startExecutable(options: ExecutableOptions): Promise<Executable> {
  if (!existsSync(binary)) throw new Error("dist/codexapi is missing: run scripts/build first")
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "codexapi-data-")))
  const env = environment(dataDir, options)
  const child = Bun.spawn([binary, "serve"], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const output = { text: "" }
  const ready = Promise.withResolvers<string>()
  const isReady = () => {
    const line = readyLine.exec(output.text)
    if (line?.[1]) ready.resolve(line[1])
  }
  collect(child.stdout, output, isReady)
  collect(child.stderr, output, isReady)
  const tooLate = setTimeout(() => ready.reject(new Error(`not ready within 10 s:\n${output.text}`)), 10_000)
  child.exited.then(code => ready.reject(new Error(`serve ended with ${code}:\n${output.text}`)))
  const removeData = async () => {
    if (!options.dataDir) await rm(dataDir, { recursive: true, force: true })
  }
  const origin = await ready.promise
    .finally(() => clearTimeout(tooLate))
    .catch(async error => {
      child.kill("SIGKILL")
      await removeData()
      throw error
    })
  const command = (words: string[]) => runCommand(words, env)
  const admin: Executable["admin"] = async (...words) => {
    const { exitCode, stdout, stderr } = await command(["admin", ...words, "--json"])
    if (exitCode !== 0)
      throw new Error(`admin ${words.join(" ")} ended with ${exitCode}:\n${stdout}${stderr}`)
    return stdout.trim() ? JSON.parse(stdout) : {}
  }
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await child.exited
  }
  return {
    origin,
    baseUrl: `${origin}/v1`,
    dataDir,
    run: command,
    pid: child.pid,
    printed: () => output.text,
    admin,
    createCustomer: creditUsd => createCustomer({ admin, origin, creditUsd }),
    async verifyLedger() {
      const { exitCode, stdout } = await command(["verify-ledger", "--json"])
      return { ...JSON.parse(stdout), exitCode }
    },
    async stop() {
      const tooSlow = setTimeout(() => child.kill("SIGKILL"), 10_000)
      await end("SIGTERM")
      clearTimeout(tooSlow)
      await removeData()
      return child.exitCode
    },
    kill9: () => end("SIGKILL"),
  }
}

function environment(dataDir: string, options: ExecutableOptions): Record<string, string> {
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: dataDir,
    CODEXAPI_PORT: "0",
    CODEXAPI_HOST: "127.0.0.1",
    CODEXAPI_DATA_DIR: dataDir,
    CODEXAPI_SECRET: "a secret for tests only, 32 bytes or more",
    OPENAI_API_KEY: "sk-upstream-test",
    OPENAI_BASE_URL: options.upstreamUrl,
    ...options.env,
  }
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  output: { text: string },
  onText: () => void,
): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    output.text += decoder.decode(chunk, { stream: true })
    onText()
  }
}

async function runCommand(words: string[], env: Record<string, string>) {
  const child = Bun.spawn([binary, ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const tooSlow = setTimeout(() => child.kill("SIGKILL"), 60_000)
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ])
  clearTimeout(tooSlow)
  return { stdout, stderr, exitCode }
}

interface NewCustomer {
  admin: Executable["admin"]
  origin: string
  creditUsd: string
}

async function createCustomer({ admin, origin, creditUsd }: NewCustomer): Promise<Customer> {
  const email = `test-${crypto.randomUUID()}@example.com`
  const made = await admin("customer", "create", "--email", email, "--credit", creditUsd)
  const id = String(made.id)
  const systemToken = String(made.systemToken)
  const { key } = await admin("key", "create", "--customer", id, "--name", "test")
  const read = async <T>(path: string): Promise<T> => {
    const answer = await fetch(origin + path, { headers: { authorization: `Bearer ${systemToken}` } })
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${await answer.text()}`)
    return answer.json() as Promise<T>
  }
  return {
    id,
    systemToken,
    key: String(key),
    wallet: () => read<Wallet>("/api/v1/wallet/status"),
    receipts: async () => (await read<{ data: Receipt[] }>("/api/v1/billing/token-usage")).data,
  }
}
