/** `scripts/stripe-test-mode`: one payment, one refund and one statement against Stripe's test mode. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createStripeAccount } from "../src/wallet/stripe/account.ts"

const secret_key = process.env.STRIPE_SECRET_KEY ?? ""
if (!/^[sr]k_test_/.test(secret_key)) {
  process.stderr.write(
    "Set STRIPE_SECRET_KEY to a key of Stripe's test mode (sk_test_…): dashboard.stripe.com/test/apikeys\n",
  )
  process.exit(2)
}

const data_dir = mkdtempSync(join(tmpdir(), "codexapi-stripe-"))
const server = Bun.spawn([resolve("dist/codexapi"), "serve"], {
  env: {
    ...process.env,
    CODEXAPI_DATA_DIR: data_dir,
    CODEXAPI_LOG_LEVEL: process.env.CODEXAPI_LOG_LEVEL ?? "warn",
    // Without `stripe listen` no event comes: then the confirm endpoint and the sweeper do all the work.
    STRIPE_WEBHOOK_SECRET: process.env.STRIPE_WEBHOOK_SECRET ?? "whsec_nobody_sends_events",
  },
  stdout: "pipe",
  stderr: "inherit",
})
let exit_code = 1
try {
  await tryPayments(await readyUrl())
  exit_code = 0
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
} finally {
  server.kill("SIGTERM")
  await server.exited
  rmSync(data_dir, { recursive: true, force: true })
}
process.exit(exit_code)

interface Checkout {
  purchase: { id: string; state: string; priceUsd: string }
  sessionId: string
  url: string
}

async function tryPayments(url: string): Promise<void> {
  print(`Serving at ${url}`)
  const body = { email: "stripe-test-mode@example.com", password: crypto.randomUUID() }
  const { systemToken } = await call<{ systemToken: string }>(`${url}/api/v1/customer/register`, "", body)
  const api = <T>(path: string, sent?: unknown) => call<T>(`${url}/api/v1${path}`, systemToken, sent)
  const balance = async () => (await api<{ balanceUsd: string }>("/wallet/status")).balanceUsd

  const checkout = await api<Checkout>("/wallet/stripe/checkout", { packageId: "standard", saveCard: true })
  print(`Pay with the card 4242 4242 4242 4242, any date to come, any three digits:\n${checkout.url}`)
  await until("the page is paid", 600_000, async () => {
    const { sessionId } = checkout
    return api<unknown>("/wallet/stripe/confirm", { sessionId }).catch(error => {
      // 402: not paid yet.
      if (String(error).includes("answered 402")) return undefined
      throw error
    })
  })
  const paid = await balance()
  print(`Paid      the Token Wallet has $${paid}`)

  const base_url = process.env.STRIPE_BASE_URL ?? "https://api.stripe.com"
  const config = { secret_key, webhook_secrets: [], base_url }
  const { api: stripe } = createStripeAccount(config, { is_demo: false })
  const session = await stripe.checkout.sessions.retrieve(checkout.sessionId)
  await stripe.refunds.create({ payment_intent: String(session.payment_intent) })
  print("Refunded  waiting for the event, or for the sweeper that looks once a minute …")
  await until("the refund arrives", 150_000, async () => (await balance()) === "0.00" || undefined)
  print("          the Token Wallet has $0.00")

  const month = new Date().toISOString().slice(0, 7)
  const statement = await api<{ movements: { type: string; inUsd: string; outUsd: string }[] }>(
    `/billing/token-usage?statement=${month}`,
  )
  for (const { type, inUsd, outUsd } of statement.movements) print(`Statement ${type} +$${inUsd} -$${outUsd}`)
  const verified = Bun.spawnSync([resolve("dist/codexapi"), "verify-ledger"], {
    env: { ...process.env, CODEXAPI_DATA_DIR: data_dir },
  })
  if (verified.exitCode !== 0) throw new Error(`verify-ledger: ${verified.stdout}${verified.stderr}`)
  print("Ledger    every law holds")
}

async function call<T>(url: string, token: string, body?: unknown): Promise<T> {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) }
  const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) }
  const answer = await fetch(url, init)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}

async function until<T>(what: string, limit_ms: number, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + limit_ms; Date.now() < end; await Bun.sleep(2_000)) {
    const seen = await look()
    if (seen !== undefined) return seen
  }
  throw new Error(`Gave up waiting until ${what}.`)
}

/** The address from the server's first line. */
async function readyUrl(): Promise<string> {
  let text = ""
  for await (const chunk of server.stdout) {
    text += new TextDecoder().decode(chunk)
    const found = /listening on (\S+)\n/.exec(text)
    if (found) return found[1]!
  }
  throw new Error("The server did not start; what it says stands above.")
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
