/** Runs the real Claude Code, with a home and a working folder of its own, against a Messages provider. */
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

export interface ClaudeSettings {
  /** Without `/v1`: the client adds it. */
  origin: string
  token: string
  model: string
  /** More variables, for example `MAX_THINKING_TOKENS`. */
  env?: Record<string, string>
}

export interface ClaudeRunOptions {
  args?: string[]
  /** The process is killed after this time; 60,000 unless told. */
  timeoutMs?: number
  env?: Record<string, string>
}

export interface ClaudeEvent {
  type: string
  [field: string]: unknown
}

export interface ClaudeRun {
  stdout: string
  stderr: string
  /** Null when a signal ended the process. */
  exitCode: number | null
  hasTimedOut: boolean
  durationMs: number
  events: ClaudeEvent[]
  /** The text of the last event, or undefined when there was none. */
  result: string | undefined
  isError: boolean
}

export interface ClaudeCode {
  home: string
  workspace: string
  /** `claude -p`. */
  print(prompt: string, options?: ClaudeRunOptions): Promise<ClaudeRun>
  /** `claude -c -p`: goes on with the last conversation. */
  resume(prompt: string, options?: ClaudeRunOptions): Promise<ClaudeRun>
  remove(): Promise<void>
}

const root = resolve(import.meta.dir, "../..")

/** Makes an empty home and an empty working folder; `remove` deletes both. */
export async function openClaudeCode(settings: ClaudeSettings): Promise<ClaudeCode> {
  const folder = await mkdtemp(join(tmpdir(), "codexapi-claude-"))
  const home = join(folder, "home")
  const workspace = join(folder, "work")
  await Promise.all([mkdir(home), mkdir(workspace)])
  const run = (words: string[], prompt: string, options: ClaudeRunOptions) =>
    runClaude({ home, workspace, settings, words: [...words, prompt], options })
  return {
    home,
    workspace,
    print: (prompt, options = {}) => run(["-p"], prompt, options),
    resume: (prompt, options = {}) => run(["-c", "-p"], prompt, options),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

interface Run {
  home: string
  workspace: string
  settings: ClaudeSettings
  words: string[]
  options: ClaudeRunOptions
}

const FLAGS = ["--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"]

async function runClaude({ home, workspace, settings, words, options }: Run): Promise<ClaudeRun> {
  const startedAt = performance.now()
  const command = [await findBinary(), "--model", settings.model, ...FLAGS, ...(options.args ?? []), ...words]
  const child = Bun.spawn(command, {
    cwd: workspace,
    env: { ...environment(home, settings), ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  let hasTimedOut = false
  const timeout = setTimeout(() => {
    hasTimedOut = true
    child.kill("SIGKILL")
  }, options.timeoutMs ?? 60_000)
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  clearTimeout(timeout)
  const events = parseEvents(stdout)
  const last = events.findLast(event => event.type === "result")
  return {
    stdout,
    stderr,
    exitCode: child.exitCode,
    hasTimedOut,
    durationMs: performance.now() - startedAt,
    events,
    result: typeof last?.result === "string" ? last.result : undefined,
    isError: last?.is_error !== false,
  }
}

/** Nothing of the caller's environment but the path: a proxy or a key there would change the run. */
function environment(home: string, settings: ClaudeSettings): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: home,
    TERM: "dumb",
    LANG: "C.UTF-8",
    ANTHROPIC_BASE_URL: settings.origin,
    ANTHROPIC_AUTH_TOKEN: settings.token,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // Lets root, as in a container, run all tools without asking.
    IS_SANDBOX: "1",
    ...settings.env,
  }
}

function parseEvents(stdout: string): ClaudeEvent[] {
  return stdout
    .split("\n")
    .filter(line => line.startsWith("{"))
    .map(line => JSON.parse(line))
}

let binary: Promise<string> | undefined

/**
 * The native binary of this platform, straight from its own package: the launcher of the main package works
 * only after an install script, and those are not run.
 */
function findBinary(): Promise<string> {
  binary ??= (async () => {
    const folder = join(root, "node_modules/@anthropic-ai")
    const platform = `claude-code-${process.platform}-${process.arch}`
    const packages = (await readdir(folder)).filter(name => name === platform || name === `${platform}-musl`)
    const found = packages.map(name => join(folder, name, "claude")).find(path => existsSync(path))
    if (found) return found
    throw new Error(
      `no Claude Code for ${process.platform} ${process.arch}: run scripts/start once to install`,
    )
  })()
  return binary
}
