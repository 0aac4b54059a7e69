/** `doctor`: looks for what would stop or surprise an operator, and says what to do about it. */
import { Database } from "bun:sqlite"
import { existsSync, statSync } from "node:fs"
import { join } from "node:path"
import type { Catalog, Upstream } from "../gateway/catalog/catalog.ts"
import type { Config } from "../platform/config.ts"
import type { Store } from "../platform/store.ts"
import { verifyBooks } from "../wallet/books/verify.ts"
import { findTestCredit } from "../wallet/purchases/test-credit.ts"
import { isLiveKey } from "../wallet/stripe/account.ts"
import type { SwitchablePayments } from "../wallet/stripe/payments.ts"

/** One look. `warn` works but should be known; `fail` does not work. */
export interface Finding {
  check: string
  result: "ok" | "warn" | "fail"
  detail: string
}

export interface DoctorNeeds {
  config: Config
  store: Store
  catalog: Catalog
  payments: Pick<SwitchablePayments, "isDemo">
}

export async function examine(needs: DoctorNeeds): Promise<Finding[]> {
  const { config } = needs
  return [
    checkIntegrity(join(config.data_dir, "codexapi.db")),
    checkIntegrity(join(config.data_dir, "cache.db")),
    await checkLedger(needs),
    checkSecret(config),
    checkPublicUrl(config),
    checkUpstreams(needs),
    await checkModels(needs),
    checkPayments(needs),
    await checkTestCredit(needs),
    await checkMail(needs),
  ]
}

function checkIntegrity(path: string): Finding {
  const check = `integrity of ${path}`
  const database = new Database(path, { readonly: true })
  const rows = database.query("PRAGMA integrity_check").all() as { integrity_check: string }[]
  const { version } = database.query("SELECT sqlite_version() AS version").get() as { version: string }
  database.close()
  if (rows[0]?.integrity_check === "ok") return { check, result: "ok", detail: `SQLite ${version}` }
  return {
    check,
    result: "fail",
    detail: `${rows[0]?.integrity_check}: stop the server and restore a backup`,
  }
}

async function checkLedger(needs: DoctorNeeds): Promise<Finding> {
  const broken = (await verifyBooks(needs.store.read)).filter(law => law.findings.length > 0)
  const check = "ledger"
  if (broken.length === 0) return { check, result: "ok", detail: "every law holds" }
  return {
    check,
    result: "fail",
    detail: `${broken.map(law => law.law).join("; ")}: run codexapi verify-ledger`,
  }
}

function checkSecret(config: Config): Finding {
  const check = "server secret"
  if (config.secret !== undefined) return { check, result: "ok", detail: "from CODEXAPI_SECRET" }
  const path = join(config.data_dir, "secret")
  if (!existsSync(path)) return { check, result: "warn", detail: "none yet: made at the first start" }
  const mode = statSync(path).mode & 0o777
  if (mode === 0o600) return { check, result: "ok", detail: `${path}; back it up apart from the database` }
  return { check, result: "fail", detail: `${path} has mode ${mode.toString(8)}: chmod 600 it` }
}

function checkPublicUrl(config: Config): Finding {
  const check = "public address"
  if (config.public_url?.startsWith("https://")) return { check, result: "ok", detail: config.public_url }
  const detail = config.public_url
    ? `${config.public_url} is not https: keys travel in clear`
    : "CODEXAPI_PUBLIC_URL is not set"
  return { check, result: "warn", detail }
}

const describeUpstream = ({ id, protocol, quirks }: Upstream): string =>
  `${id} (${[protocol, ...quirks].join(", ")})`

function checkUpstreams({ config, catalog }: DoctorNeeds): Finding {
  const check = "upstreams"
  const routes = catalog.list().flatMap(model => model.routes)
  const used = new Map(routes.map(({ upstream }) => [upstream.id, upstream]))
  const skipped = catalog.skipped()
  if (skipped.length > 0) {
    const detail = skipped.map(({ id, why }) => `${id} cannot be used: ${why}`).join("; ")
    return { check, result: used.size > 0 ? "warn" : "fail", detail }
  }
  const idle = config.upstreams.filter(upstream => !used.has(upstream.id))
  if (idle.length > 0) {
    const names = idle.map(upstream => upstream.id).join(", ")
    return {
      check,
      result: "warn",
      detail: `${names}: no route of a served model leads there (serve adds new ones when it starts)`,
    }
  }
  if (used.has("demo"))
    return { check, result: "warn", detail: "only the demo answers: set OPENAI_API_KEY or add an upstream" }
  return {
    check,
    result: used.size > 0 ? "ok" : "fail",
    detail:
      [...used.values()].map(describeUpstream).join("; ") ||
      "none: set OPENAI_API_KEY or `codexapi admin upstream add --preset …`",
  }
}

/** Models without a route are for other upstreams; one that has a route and no price was meant to be sold. */
async function checkModels({ catalog, store }: DoctorNeeds): Promise<Finding> {
  const check = "models served"
  const models = catalog.list()
  const routed = await store.read.all<{ model_id: string }>("SELECT DISTINCT model_id FROM route")
  const has_route = new Set(routed.map(route => route.model_id))
  const unserved = catalog.unserved()
  const unpriced = unserved.filter(({ id, why }) => why === "no price" && has_route.has(id))
  const served = models.map(model => model.id).join(", ") || "none has a price and a route"
  const others = unserved.map(({ id, why }) => `${id} (${why})`).join(", ")
  const detail = others === "" ? served : `${served}; not served: ${others}`
  if (models.length === 0) return { check, result: "fail", detail }
  if (unpriced.length === 0) return { check, result: "ok", detail }
  const names = unpriced.map(({ id }) => id).join(", ")
  return { check, result: "warn", detail: `${detail}; set a price for ${names}: codexapi admin rate set` }
}

function checkPayments({ config, catalog, payments }: DoctorNeeds): Finding {
  const check = "payments"
  const { stripe } = config
  if (config.payments === "off") return { check, result: "ok", detail: "off" }
  if (payments.isDemo()) {
    const detail = "the demo: no money moves"
    // Somebody asked for it by name: whoever registers then has the real models for nothing.
    if (catalog.hasUpstream())
      return { check, result: "fail", detail: `${detail}, and real models are served` }
    return { check, result: "warn", detail: `${detail}; set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET` }
  }
  if (!stripe)
    return { check, result: "warn", detail: "none: set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET" }
  if (isLiveKey(stripe.secret_key)) return { check, result: "ok", detail: "Stripe" }
  return { check, result: "warn", detail: "Stripe's test mode: no money moves" }
}

/** Credit of tests is as good as any other: once real models are served, it buys them. */
async function checkTestCredit({ catalog, store }: DoctorNeeds): Promise<Finding> {
  const check = "test credit"
  const { customer_count, usd } = await findTestCredit(store.read)
  if (customer_count === 0) return { check, result: "ok", detail: "none" }
  const detail = `${customer_count} customers who paid with test payments hold $${usd}`
  if (!catalog.hasUpstream()) return { check, result: "ok", detail }
  return {
    check,
    result: "warn",
    detail: `${detail}, and real models are served: take it back with \`codexapi admin customer debit\`, or serve from a new data folder`,
  }
}

async function checkMail({ config, store }: DoctorNeeds): Promise<Finding> {
  const check = "mail"
  if (!config.mail) return { check, result: "ok", detail: "off: customers have their inbox only" }
  const [row] = await store.read.all<{ count: number }>(
    "SELECT count(*) AS count FROM mail_outbox WHERE state IN ('failed', 'unknown')",
  )
  const count = row?.count ?? 0
  if (count === 0) return { check, result: "ok", detail: "through SMTP" }
  return {
    check,
    result: "warn",
    detail: `${count} were not delivered: codexapi admin mail list --state failed`,
  }
}
