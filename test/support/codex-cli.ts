/** Runs the real Codex CLI, with a home and a working folder of its own, against a Responses provider. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

export interface CodexSettings {
  /** Including `/v1`. */
  baseUrl: string
  token: string
  model?: string
  /** More lines for the top of config.toml. */
  config?: string
  /** More lines for the provider, for example `stream_max_retries = 1`; the CLI's defaults otherwise. */
  provider?: string
}

export interface CodexRunOptions {
  /** Adds `--json` and fills `events`. */
  json?: boolean
  args?: string[]
  /** The process is killed after this time; 60,000 unless told. */
  timeoutMs?: number
  /** SIGINT is sent, as by Ctrl-C, after this time or when this promise is fulfilled. */
  interrupt?: number | Promise<unknown>
}

export interface CodexEvent {
  type: string
  [field: string]: unknown
}

export interface CodexRun {
  stdout: string
  stderr: string
  /** Null when a signal ended the process. */
  exitCode: number | null
  hasTimedOut: boolean
  durationMs: number
  events: CodexEvent[]
  /**
   * The final `ERROR:` texts, without the reconnect lines. `codex exec` 0.142.2 always prints the last one
   * twice (the error, then the failed turn; with `--json` as two kinds of event): that pair counts as one.
   */
  errors: string[]
  /** How many `Reconnecting... n/m` lines were printed. */
  reconnectCount: number
}

export interface CodexCli {
  home: string
  workspace: string
  exec(prompt: string, options?: CodexRunOptions): Promise<CodexRun>
  /** `codex exec resume --last`. */
  resume(prompt: string, options?: CodexRunOptions): Promise<CodexRun>
  remove(): Promise<void>
}

const root = resolve(import.meta.dir, "../..")

/** Makes a home with a config.toml and an empty working folder; `remove` deletes both. */
export async function openCodexCli(settings: CodexSettings): Promise<CodexCli> {
  const folder = await mkdtemp(join(tmpdir(), "codexapi-cli-"))
  const home = join(folder, "home")
  const workspace = join(folder, "work")
  await Promise.all([mkdir(home, { recursive: true }), mkdir(workspace, { recursive: true })])
  await writeFile(join(home, "config.toml"), configText(settings))
  const run = (command: string[], prompt: string, options: CodexRunOptions) =>
    runCodex({ home, workspace, words: [...command, ...flags(options), prompt], options })
  return {
    home,
    workspace,
    exec: (prompt, options = {}) => run(["exec"], prompt, options),
    resume: (prompt, options = {}) => run(["exec", "resume", "--last"], prompt, options),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function flags(options: CodexRunOptions): string[] {
  return ["--skip-git-repo-check", ...(options.json ? ["--json"] : []), ...(options.args ?? [])]
}

function configText(settings: CodexSettings): string {
  const quoted = JSON.stringify
  return `model = ${quoted(settings.model ?? "gpt-5.5")}
model_provider = "codexapi"
model_reasoning_effort = "medium"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
${settings.config ?? ""}
[analytics]
enabled = false

[features]
apps = false

[model_providers.codexapi]
name = "codexapi"
base_url = ${quoted(settings.baseUrl)}
experimental_bearer_token = ${quoted(settings.token)}
wire_api = "responses"
${settings.provider ?? ""}
`
}

interface Run {
  home: string
  workspace: string
  words: string[]
  options: CodexRunOptions
}

async function runCodex({ home, workspace, words, options }: Run): Promise<CodexRun> {
  const startedAt = performance.now()
  const child = Bun.spawn([await findBinary(), ...words], {
    cwd: workspace,
    // Nothing of the caller's environment but the path: a proxy or a key there would change the run.
    env: { PATH: process.env.PATH ?? "", HOME: home, CODEX_HOME: home, TERM: "dumb", LANG: "C.UTF-8" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  let hasTimedOut = false
  const timeout = setTimeout(() => {
    hasTimedOut = true
    child.kill("SIGKILL")
  }, options.timeoutMs ?? 60_000)
  const interrupt = scheduleInterrupt(options.interrupt, () => child.kill("SIGINT"))
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  clearTimeout(timeout)
  clearTimeout(interrupt)
  const events = options.json ? parseEvents(stdout) : []
  const printed = options.json ? errorEvents(events) : errorLines(stderr)
  return {
    stdout,
    stderr,
    exitCode: child.exitCode,
    hasTimedOut,
    durationMs: performance.now() - startedAt,
    events,
    errors: printed.filter(text => !isReconnect(text)),
    reconnectCount: printed.filter(isReconnect).length,
  }
}

function scheduleInterrupt(when: CodexRunOptions["interrupt"], send: () => void): Timer | undefined {
  if (typeof when === "number") return setTimeout(send, when)
  when?.then(send, send)
  return undefined
}

let binary: Promise<string> | undefined

/** The native binary of this platform, found as the package's own launcher finds it. */
function findBinary(): Promise<string> {
  binary ??= (async () => {
    const platform = `codex-${process.platform}-${process.arch}`
    const folder = join(root, "node_modules/@openai", platform, "vendor")
    for await (const path of new Bun.Glob("*/bin/codex").scan({ cwd: folder, absolute: true })) return path
    throw new Error(`no Codex CLI for ${process.platform} ${process.arch}: run scripts/start once to install`)
  })()
  return binary
}

function parseEvents(stdout: string): CodexEvent[] {
  return stdout
    .split("\n")
    .filter(line => line.startsWith("{"))
    .map(line => JSON.parse(line))
}

function errorEvents(events: CodexEvent[]): string[] {
  return events.filter(event => event.type === "error").map(event => String(event.message))
}

function errorLines(stderr: string): string[] {
  const lines = stderr.split("\n").filter(line => line.startsWith("ERROR: "))
  const texts = lines.map(line => line.slice("ERROR: ".length))
  return texts.length > 1 && texts.at(-1) === texts.at(-2) ? texts.slice(0, -1) : texts
}

function isReconnect(text: string): boolean {
  return /^Reconnecting\.\.\. \d+\/\d+/.test(text)
}
