/** The configuration: defaults, every check, and that all problems come at once. */
import { describe, expect, test } from "bun:test"
import { ConfigError, type Environment, readConfig } from "../../src/platform/config.ts"
import { VARIABLES } from "../../src/platform/variables.ts"

const problemsOf = (env: Environment): string[] => {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test("an empty environment gives the documented defaults", () => {
  expect(readConfig({})).toEqual({
    port: 8787,
    host: "127.0.0.1",
    data_dir: "data",
    public_url: undefined,
    secret: undefined,
    brand_name: "CodexAPI.pro",
    log_level: "info",
    demo: "auto",
    upstream_timeout_ms: 300_000,
    shutdown_ms: 30_000,
    key_limits: { concurrency: 32, requests_per_minute: 600 },
    stored: {
      max_age_ms: 30 * 86_400_000,
      max_object_bytes: 4 * 1024 * 1024,
      max_customer_bytes: 256 * 1024 * 1024,
      max_customer_count: 10_000,
    },
    payments: "auto",
    stripe: undefined,
    mail: undefined,
    turnstile: undefined,
    gumroad_base_url: "https://api.gumroad.com",
    cost_report_keys: { openai: undefined, anthropic: undefined },
    upstreams: [],
  })
})

test("every variable is read", () => {
  const config = readConfig({
    CODEXAPI_PORT: "0",
    CODEXAPI_HOST: "::1",
    CODEXAPI_DATA_DIR: "/var/lib/codexapi",
    CODEXAPI_PUBLIC_URL: "https://api.example.com/",
    CODEXAPI_SECRET: "x".repeat(32),
    CODEXAPI_BRAND_NAME: "Mine",
    CODEXAPI_LOG_LEVEL: "debug",
    CODEXAPI_DEMO: "off",
    CODEXAPI_UPSTREAM_TIMEOUT_SECONDS: "7",
    CODEXAPI_SHUTDOWN_SECONDS: "0",
    CODEXAPI_KEY_CONCURRENCY: "3",
    CODEXAPI_KEY_REQUESTS_PER_MINUTE: "9",
    CODEXAPI_STORED_MAX_AGE_DAYS: "2",
    CODEXAPI_STORED_MAX_OBJECT_BYTES: "2000",
    CODEXAPI_STORED_MAX_BYTES: "9000",
    CODEXAPI_STORED_MAX_COUNT: "7",
    CODEXAPI_PAYMENTS: "stripe",
    STRIPE_SECRET_KEY: "sk_live_1",
    STRIPE_WEBHOOK_SECRET: "whsec_new, whsec_old",
    STRIPE_BASE_URL: "http://127.0.0.1:2/",
    SMTP_URL: "smtps://user:password@mail.example.com",
    CODEXAPI_MAIL_FROM: "CodexAPI <billing@example.com>",
    TURNSTILE_SECRET_KEY: "0x4AAA",
    TURNSTILE_BASE_URL: "http://127.0.0.1:3/",
    GUMROAD_BASE_URL: "http://127.0.0.1:4/",
    OPENAI_ADMIN_KEY: "sk-admin-1",
    ANTHROPIC_ADMIN_KEY: "sk-ant-admin-1",
  })
  expect(config).toEqual({
    port: 0,
    host: "::1",
    data_dir: "/var/lib/codexapi",
    public_url: "https://api.example.com",
    secret: "x".repeat(32),
    brand_name: "Mine",
    log_level: "debug",
    demo: "off",
    upstream_timeout_ms: 7_000,
    shutdown_ms: 0,
    key_limits: { concurrency: 3, requests_per_minute: 9 },
    stored: {
      max_age_ms: 2 * 86_400_000,
      max_object_bytes: 2_000,
      max_customer_bytes: 9_000,
      max_customer_count: 7,
    },
    payments: "stripe",
    stripe: {
      secret_key: "sk_live_1",
      webhook_secrets: ["whsec_new", "whsec_old"],
      base_url: "http://127.0.0.1:2",
    },
    mail: { smtp_url: "smtps://user:password@mail.example.com", from: "CodexAPI <billing@example.com>" },
    turnstile: { secret_key: "0x4AAA", base_url: "http://127.0.0.1:3" },
    gumroad_base_url: "http://127.0.0.1:4",
    cost_report_keys: { openai: "sk-admin-1", anthropic: "sk-ant-admin-1" },
    upstreams: [],
  })
})

test("Stripe and Turnstile have their vendors' addresses, and a webhook needs no secret to start", () => {
  const { stripe, turnstile } = readConfig({ STRIPE_SECRET_KEY: "sk_test_1", TURNSTILE_SECRET_KEY: "0x4AAA" })
  expect(stripe).toEqual({
    secret_key: "sk_test_1",
    webhook_secrets: [],
    base_url: "https://api.stripe.com",
  })
  expect(turnstile?.base_url).toBe("https://challenges.cloudflare.com")
})

describe("what belongs together is asked for together", () => {
  const from = { CODEXAPI_MAIL_FROM: "billing@example.com" }
  test.each<[string, Environment, string]>([
    [
      "payments by Stripe without its key",
      { CODEXAPI_PAYMENTS: "stripe" },
      "CODEXAPI_PAYMENTS is stripe, but STRIPE_SECRET_KEY is not set.",
    ],
    [
      "a mail server without a sender",
      { SMTP_URL: "smtp://mail.example.com" },
      "SMTP_URL is set, but CODEXAPI_MAIL_FROM is not.",
    ],
    [
      "a mail server that is none",
      { SMTP_URL: "https://user:hunter2@mail.example.com", ...from },
      "SMTP_URL is not an address such as smtps://user:password@mail.example.com.",
    ],
    [
      "a mail server that is no address",
      { SMTP_URL: "mail.example.com:hunter2", ...from },
      "SMTP_URL is not an address such as smtps://user:password@mail.example.com.",
    ],
    [
      "payments that are unknown",
      { CODEXAPI_PAYMENTS: "paypal" },
      'CODEXAPI_PAYMENTS is "paypal": give one of auto, stripe, demo, off, e.g. CODEXAPI_PAYMENTS=auto.',
    ],
  ])("%s is a problem", (_, env, problem) => {
    expect(problemsOf(env)).toEqual([problem])
  })
})

test("every problem is reported at once, each with the variable's name, its value and an example", () => {
  const problems = problemsOf({
    CODEXAPI_PORT: "70000",
    CODEXAPI_PUBLIC_URL: "example.com",
    CODEXAPI_LOG_LEVEL: "loud",
    CODEXAPI_KEY_CONCURRENCY: "-1",
    CODEXAPI_SECRET: "short",
    OPENAI_BASE_URL: "ftp://example.com",
  })
  expect(problems).toEqual([
    'CODEXAPI_PORT is "70000": give a whole number from 0 to 65535, e.g. CODEXAPI_PORT=8787.',
    'CODEXAPI_PUBLIC_URL is "example.com": give an http or https address, ' +
      "e.g. CODEXAPI_PUBLIC_URL=https://api.example.com.",
    'CODEXAPI_LOG_LEVEL is "loud": give one of info, debug, warn, error, e.g. CODEXAPI_LOG_LEVEL=info.',
    'CODEXAPI_KEY_CONCURRENCY is "-1": give a whole number from 1 to 1000000, ' +
      "e.g. CODEXAPI_KEY_CONCURRENCY=32.",
    'OPENAI_BASE_URL is "ftp://example.com": give an http or https address.',
    "CODEXAPI_SECRET has fewer than 32 characters. Make one with `openssl rand -hex 32`.",
  ])
})

test("the error's message lists every problem", () => {
  expect(() => readConfig({ CODEXAPI_PORT: "a", CODEXAPI_DEMO: "b" })).toThrow(
    /has 2 problem\(s\):\n {2}- CODEXAPI_PORT .*\n {2}- CODEXAPI_DEMO /,
  )
})

test("a secret that is too short is not shown in the problem", () => {
  expect(problemsOf({ CODEXAPI_SECRET: "hunter2hunter2" }).join()).not.toContain("hunter2")
})

describe("a whole number is refused when it is", () => {
  const refused = ["1.5", "1e3", "-5", "0x10", "８", "12 34", "65536", "NaN"]
  test.each(refused)("%p", value => {
    expect(problemsOf({ CODEXAPI_PORT: value })).toHaveLength(1)
  })
})

test("blank values count as absent, and blanks around a value do not count", () => {
  expect(readConfig({ CODEXAPI_PORT: "", CODEXAPI_BRAND_NAME: "  " })).toMatchObject({
    port: 8787,
    brand_name: "CodexAPI.pro",
  })
  expect(readConfig({ CODEXAPI_PORT: " 99 " }).port).toBe(99)
})

test("an upstream exists for each vendor whose key is set, at its own or the given address", () => {
  const { upstreams } = readConfig({
    OPENAI_API_KEY: "sk-1",
    OPENROUTER_API_KEY: "sk-or-2",
    OPENROUTER_BASE_URL: "http://127.0.0.1:1/v1//",
    ANTHROPIC_BASE_URL: "https://unused.example",
  })
  expect(upstreams).toEqual([
    { id: "openai", base_url: "https://api.openai.com/v1", key: "sk-1", key_env: "OPENAI_API_KEY" },
    { id: "openrouter", base_url: "http://127.0.0.1:1/v1", key: "sk-or-2", key_env: "OPENROUTER_API_KEY" },
  ])
})

test("every documented variable has an example and a sentence", () => {
  for (const { name, example, summary } of VARIABLES) {
    expect(name).toMatch(/^[A-Z_]+$/)
    expect(example).not.toBe("")
    expect(summary).toMatch(/\.$/)
  }
})

test("every documented example is accepted", () => {
  const examples = VARIABLES.map(({ name, example }) => [name, example] as const)
  const usable = examples.filter(([name]) => name !== "CODEXAPI_SECRET")
  expect(new Set(examples.map(([name]) => name)).size).toBe(examples.length)
  expect(problemsOf(Object.fromEntries(usable))).toEqual([])
})
