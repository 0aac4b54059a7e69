/** The second half of `scripts/start`: runs the executable, shows a first answer and its price, goes on serving. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const EXECUTABLE = resolve("dist/codexapi")
const data_dir = resolve(process.env.CODEXAPI_DATA_DIR ?? "data")
const env = { BUN_CONFIG_MAX_HTTP_REQUESTS: "65336", ...process.env, CODEXAPI_DATA_DIR: data_dir }
const DEMO_EMAIL = "demo@localhost.test"
const PROMPT = "Say hello and tell me who you are."

interface Wallet {
  balanceUsd: string
  availableUsd: string
}

interface Receipt {
  requestId: string
  modelAsked: string
  inputTokens: number
  outputTokens: number
  costUsd: string
}

const server = Bun.spawn([EXECUTABLE, "serve"], { env, stdout: "pipe", stderr: "inherit" })
process.on("SIGINT", () => server.kill("SIGTERM"))
process.on("SIGTERM", () => server.kill("SIGTERM"))

const output = server.stdout.getReader()
const url = await readyUrl()
let token = ""
try {
  token = demoToken()
  if (!process.argv.includes("--no-demo")) await showOneAnswer()
  printHowToUse()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  server.kill("SIGTERM")
  await server.exited
  process.exit(1)
}
process.exit(await server.exited)

/** The address from the server's first line; ends the script when the server does not come up. */
async function readyUrl(): Promise<string> {
  let text = ""
  for (;;) {
    const { value, done } = await output.read()
    if (done) break
    text += new TextDecoder().decode(value)
    const found = /listening on (\S+)\n/.exec(text)
    if (found) return found[1]!
  }
  process.stderr.write("The server did not start; what it says stands above.\n")
  process.exit(1)
}

/** A key of the demo customer, who is made with $5 of credit on the first run; kept in a 0600 file. */
function demoToken(): string {
  const path = join(data_dir, "demo-customer.token")
  if (existsSync(path)) return readFileSync(path, "utf8").trim()
  const made = hasDemoCustomer()
    ? admin<{ key: string }>("key", "create", "--customer", DEMO_EMAIL, "--name", "scripts/start").key
    : admin<{ systemToken: string }>("customer", "create", "--email", DEMO_EMAIL, "--credit", "5").systemToken
  writeFileSync(path, `${made}\n`, { mode: 0o600 })
  chmodSync(path, 0o600)
  return made
}

/** There is one without the file when the file was lost. */
function hasDemoCustomer(): boolean {
  const customers = admin<{ email: string }[]>("customer", "list", "--limit", "1000000")
  return customers.some(({ email }) => email === DEMO_EMAIL)
}

function admin<Output>(...words: string[]): Output {
  const ran = Bun.spawnSync([EXECUTABLE, "admin", ...words, "--json"], { env, stderr: "inherit" })
  if (ran.exitCode !== 0)
    throw new Error(`codexapi admin ${words.join(" ")} failed; the reason stands above.`)
  return JSON.parse(ran.stdout.toString()) as Output
}

async function api<Body>(path: string): Promise<Body> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Body
}

async function showOneAnswer(): Promise<void> {
  const before = await api<Wallet>("/api/v1/wallet/status")
  const home = mkdtempSync(join(tmpdir(), "codexapi-start-"))
  try {
    writeFileSync(join(home, "config.toml"), codexConfig())
    print(`\nAsking through the Codex CLI: ${JSON.stringify(PROMPT)}\n`)
    const codex = Bun.spawn(
      [resolve("node_modules/.bin/codex"), "exec", "--skip-git-repo-check", "--cd", home, PROMPT],
      { env: { ...process.env, CODEX_HOME: home }, stdin: "ignore", stderr: "pipe", timeout: 120_000 },
    )
    const [answer, problems] = await Promise.all([codex.stdout.text(), codex.stderr.text()])
    if ((await codex.exited) !== 0) throw new Error(`the Codex CLI failed:\n${problems}`)
    print(`  ${answer.trim().replaceAll("\n", "\n  ")}\n`)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
  const after = await api<Wallet>("/api/v1/wallet/status")
  const { data } = await api<{ data: Receipt[] }>("/api/v1/billing/token-usage?limit=1")
  const [receipt] = data
  if (!receipt) throw new Error("the answer has no receipt")
  print(`Receipt   ${receipt.requestId}`)
  print(
    `          ${receipt.modelAsked}: ${receipt.inputTokens} tokens in, ${receipt.outputTokens} out, $${receipt.costUsd}`,
  )
  print(`Balance   $${before.balanceUsd} before, $${after.balanceUsd} now`)
  if (toNanos(before.balanceUsd) - toNanos(after.balanceUsd) !== toNanos(receipt.costUsd))
    throw new Error("the balance did not fall by the receipt's cost: run dist/codexapi verify-ledger")
  print("          less by exactly the receipt's cost")
}

/** An exact decimal amount of USD as a whole number of nano-USD. */
function toNanos(usd: string): bigint {
  const [dollars = "0", decimals = ""] = usd.split(".")
  return BigInt(dollars + decimals.padEnd(9, "0"))
}

function codexConfig(): string {
  return `model = "gpt-5.5"
model_provider = "codexapi"
approval_policy = "never"
sandbox_mode = "read-only"

[model_providers.codexapi]
name = "CodexAPI"
base_url = "${url}/v1"
experimental_bearer_token = "${token}"
wire_api = "responses"
`
}

function printHowToUse(): void {
  const data = process.env.CODEXAPI_DATA_DIR ? `CODEXAPI_DATA_DIR=${data_dir} ` : ""
  print(`
Serving on ${url}
API pages  ${url}/swagger
Admin key  ${join(data_dir, "admin.key")}
Token      ${join(data_dir, "demo-customer.token")}

Use the Codex CLI with it:
  export CODEXAPI_CODEX_API_KEY=$(cat ${join(data_dir, "demo-customer.token")})
  npx @openai/codex@0.142.2 -c model_provider=codexapi -c model=gpt-5.5 \\
    -c 'model_providers.codexapi={name="CodexAPI",base_url="${url}/v1",env_key="CODEXAPI_CODEX_API_KEY",wire_api="responses"}'

Use Claude Code with it:
  ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=$CODEXAPI_CODEX_API_KEY npx @anthropic-ai/claude-code@2.1.197

Use any OpenAI or Anthropic client:
  curl ${url}/v1/responses -H "authorization: Bearer $CODEXAPI_CODEX_API_KEY" \\
    -H 'content-type: application/json' -d '{"model":"gpt-5.5","input":"hello"}'

Manage it:
  ${data}dist/codexapi admin customer list
  ${data}dist/codexapi help

Ctrl-C stops it.`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
