/** The configuration: environment variables read once into a checked value; all problems are reported together. */
import { DAY_MS } from "./clock.ts"
import type { LogLevel } from "./log.ts"
import { VARIABLES } from "./variables.ts"

/** An upstream that the environment names with its vendor's usual variables. */
export interface EnvUpstream {
  id: "openai" | "anthropic" | "deepseek" | "openrouter"
  base_url: string
  key: string
  key_env: string
}

export interface Config {
  port: number
  host: string
  data_dir: string
  /** Without a trailing slash; what customers use. */
  public_url: string | undefined
  /** `undefined`: a file in the data folder holds a generated one. */
  secret: string | undefined
  brand_name: string
  log_level: LogLevel
  upstreams: EnvUpstream[]
  demo: "auto" | "on" | "off"
  /** Silence of an upstream, before and between its bytes, after which it counts as dead. */
  upstream_timeout_ms: number
  /** How long a shutdown waits for open answers. */
  shutdown_ms: number
  key_limits: { concurrency: number; requests_per_minute: number }
  /** What is kept of responses and chat completions that a client asked to store. */
  stored: StoredLimits
  /** `auto` is `stripe` with a key, `demo` while only the demo upstream answers, else `off`. */
  payments: "auto" | "stripe" | "demo" | "off"
  stripe: StripeConfig | undefined
  mail: MailConfig | undefined
  turnstile: { secret_key: string; base_url: string } | undefined
  gumroad_base_url: string
  /** Keys that may read the vendors' cost reports, by upstream id. */
  cost_report_keys: { openai: string | undefined; anthropic: string | undefined }
}

export interface StripeConfig {
  secret_key: string
  /** Two while one is replaced. */
  webhook_secrets: string[]
  base_url: string
}

export interface MailConfig {
  /** `smtp://` or `smtps://`, with user and password. */
  smtp_url: string
  from: string
}

export interface StoredLimits {
  max_age_ms: number
  /** Of one object's JSON. */
  max_object_bytes: number
  /** Of one customer's objects together; the oldest go first. */
  max_customer_bytes: number
  max_customer_count: number
}

/** The vendors that the environment can name, with their usual addresses. */
export const VENDORS = [
  { id: "openai", prefix: "OPENAI", base_url: "https://api.openai.com/v1" },
  { id: "anthropic", prefix: "ANTHROPIC", base_url: "https://api.anthropic.com/v1" },
  { id: "deepseek", prefix: "DEEPSEEK", base_url: "https://api.deepseek.com/v1" },
  { id: "openrouter", prefix: "OPENROUTER", base_url: "https://openrouter.ai/api/v1" },
] as const

/** What is wrong with the environment, one sentence per variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
  constructor(readonly problems: string[]) {
    super(
      `The configuration has ${problems.length} problem(s):\n${problems.map(one => `  - ${one}`).join("\n")}`,
    )
  }
}

export type Environment = Record<string, string | undefined>

/** Reads and checks the environment. Throws ConfigError with every problem at once. */
export function readConfig(env: Environment): Config {
  const problems: string[] = []
  const read = createReader(env, problems)
  const config: Config = {
    port: read.integer("CODEXAPI_PORT", { default: 8787, min: 0, max: 65_535 }),
    host: read.text("CODEXAPI_HOST") ?? "127.0.0.1",
    data_dir: read.text("CODEXAPI_DATA_DIR") ?? "data",
    public_url: read.url("CODEXAPI_PUBLIC_URL"),
    secret: read.text("CODEXAPI_SECRET"),
    brand_name: read.text("CODEXAPI_BRAND_NAME") ?? "CodexAPI.pro",
    log_level: read.choice("CODEXAPI_LOG_LEVEL", ["info", "debug", "warn", "error"]),
    demo: read.choice("CODEXAPI_DEMO", ["auto", "on", "off"]),
    upstream_timeout_ms:
      1000 * read.integer("CODEXAPI_UPSTREAM_TIMEOUT_SECONDS", { default: 300, min: 1, max: 3600 }),
    shutdown_ms: 1000 * read.integer("CODEXAPI_SHUTDOWN_SECONDS", { default: 30, min: 0, max: 3600 }),
    key_limits: {
      concurrency: read.integer("CODEXAPI_KEY_CONCURRENCY", { default: 32, min: 1, max: 1_000_000 }),
      requests_per_minute: read.integer("CODEXAPI_KEY_REQUESTS_PER_MINUTE", {
        default: 600,
        min: 1,
        max: 100_000_000,
      }),
    },
    stored: readStoredLimits(read),
    payments: read.choice("CODEXAPI_PAYMENTS", ["auto", "stripe", "demo", "off"]),
    stripe: readStripe(read),
    mail: readMail(read, problems),
    turnstile: readTurnstile(read),
    gumroad_base_url: read.url("GUMROAD_BASE_URL") ?? "https://api.gumroad.com",
    cost_report_keys: { openai: read.text("OPENAI_ADMIN_KEY"), anthropic: read.text("ANTHROPIC_ADMIN_KEY") },
    upstreams: readUpstreams(read),
  }
  if (config.secret !== undefined && config.secret.length < 32) {
    problems.push("CODEXAPI_SECRET has fewer than 32 characters. Make one with `openssl rand -hex 32`.")
  }
  if (config.payments === "stripe" && config.stripe === undefined) {
    problems.push("CODEXAPI_PAYMENTS is stripe, but STRIPE_SECRET_KEY is not set.")
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

const MIB = 1024 * 1024

const readStoredLimits = (read: Reader): StoredLimits => ({
  max_age_ms: DAY_MS * read.integer("CODEXAPI_STORED_MAX_AGE_DAYS", { default: 30, min: 1, max: 3650 }),
  max_object_bytes: read.integer("CODEXAPI_STORED_MAX_OBJECT_BYTES", {
    default: 4 * MIB,
    min: 1024,
    max: 64 * MIB,
  }),
  max_customer_bytes: read.integer("CODEXAPI_STORED_MAX_BYTES", {
    default: 256 * MIB,
    min: 1024,
    max: 1024 * 1024 * MIB,
  }),
  max_customer_count: read.integer("CODEXAPI_STORED_MAX_COUNT", {
    default: 10_000,
    min: 1,
    max: 10_000_000,
  }),
})

function readStripe(read: Reader): StripeConfig | undefined {
  const secret_key = read.text("STRIPE_SECRET_KEY")
  if (secret_key === undefined) return undefined
  const secrets = read.text("STRIPE_WEBHOOK_SECRET")?.split(",") ?? []
  return {
    secret_key,
    webhook_secrets: secrets.map(one => one.trim()).filter(Boolean),
    base_url: read.url("STRIPE_BASE_URL") ?? "https://api.stripe.com",
  }
}

function readMail(read: Reader, problems: string[]): MailConfig | undefined {
  const smtp_url = read.text("SMTP_URL")
  if (smtp_url === undefined) return undefined
  // Its value holds a password: it is never repeated in a message.
  if (!URL.canParse(smtp_url) || !/^smtps?:$/.test(new URL(smtp_url).protocol)) {
    problems.push("SMTP_URL is not an address such as smtps://user:password@mail.example.com.")
  }
  const from = read.text("CODEXAPI_MAIL_FROM")
  if (from === undefined) problems.push("SMTP_URL is set, but CODEXAPI_MAIL_FROM is not.")
  return { smtp_url, from: from ?? "" }
}

function readTurnstile(read: Reader) {
  const secret_key = read.text("TURNSTILE_SECRET_KEY")
  const base_url = read.url("TURNSTILE_BASE_URL") ?? "https://challenges.cloudflare.com"
  return secret_key === undefined ? undefined : { secret_key, base_url }
}

type Reader = ReturnType<typeof createReader>

function createReader(env: Environment, problems: string[]) {
  const text = (name: string) => env[name]?.trim() || undefined
  const complain = (name: string, what: string) => {
    const example = VARIABLES.find(one => one.name === name)?.example
    problems.push(
      `${name} is ${JSON.stringify(env[name])}: ${what}${example ? `, e.g. ${name}=${example}` : ""}.`,
    )
  }
  return {
    text,
    integer(name: string, range: { default: number; min: number; max: number }): number {
      const raw = text(name)
      if (raw === undefined) return range.default
      const value = /^\d+$/.test(raw) ? Number(raw) : Number.NaN
      if (value >= range.min && value <= range.max) return value
      complain(name, `give a whole number from ${range.min} to ${range.max}`)
      return range.default
    },
    /** The first choice is the default. */
    choice<const Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]): Choice {
      const raw = text(name)
      if (raw === undefined) return choices[0]
      const found = choices.find(one => one === raw)
      if (!found) complain(name, `give one of ${choices.join(", ")}`)
      return found ?? choices[0]
    },
    url(name: string): string | undefined {
      const raw = text(name)
      if (raw === undefined) return undefined
      const url = URL.canParse(raw) ? new URL(raw) : undefined
      if (url?.protocol === "http:" || url?.protocol === "https:") return raw.replace(/\/+$/, "")
      complain(name, "give an http or https address")
      return undefined
    },
  }
}

function readUpstreams(read: Reader): EnvUpstream[] {
  return VENDORS.flatMap(vendor => {
    const key_env = `${vendor.prefix}_API_KEY`
    const base_url = read.url(`${vendor.prefix}_BASE_URL`) ?? vendor.base_url
    const key = read.text(key_env)
    return key === undefined ? [] : [{ id: vendor.id, base_url, key, key_env }]
  })
}
