/** Every environment variable there is, for `help`, the README's table and the checks of config.ts. */

export interface Variable {
  name: string
  example: string
  summary: string
}

export const VARIABLES: readonly Variable[] = [
  {
    name: "CODEXAPI_PORT",
    example: "8787",
    summary: "Port to listen on; 0 takes any free one. Default 8787.",
  },
  { name: "CODEXAPI_HOST", example: "127.0.0.1", summary: "Address to listen on. Default 127.0.0.1." },
  {
    name: "CODEXAPI_DATA_DIR",
    example: "/var/lib/codexapi",
    summary: "Folder for the databases and secrets. Default ./data.",
  },
  {
    name: "CODEXAPI_PUBLIC_URL",
    example: "https://api.example.com",
    summary: "Address that customers use, for links and commands.",
  },
  {
    name: "CODEXAPI_SECRET",
    example: "(openssl rand -hex 32)",
    summary:
      "At least 32 characters; hashes keys and seals secrets. Default: generated into the data folder.",
  },
  {
    name: "CODEXAPI_BRAND_NAME",
    example: "CodexAPI.pro",
    summary: "Name shown to customers. Default CodexAPI.pro.",
  },
  { name: "CODEXAPI_LOG_LEVEL", example: "info", summary: "debug, info, warn or error. Default info." },
  {
    name: "CODEXAPI_DEMO",
    example: "auto",
    summary: "The built-in demo upstream: on, off, or auto (only while there is no other). Default auto.",
  },
  {
    name: "CODEXAPI_UPSTREAM_TIMEOUT_SECONDS",
    example: "300",
    summary: "Silence after which an upstream counts as dead. Default 300.",
  },
  {
    name: "CODEXAPI_SHUTDOWN_SECONDS",
    example: "30",
    summary: "How long a shutdown waits for open answers. Default 30.",
  },
  { name: "CODEXAPI_KEY_CONCURRENCY", example: "32", summary: "Open requests per API key. Default 32." },
  {
    name: "CODEXAPI_KEY_REQUESTS_PER_MINUTE",
    example: "600",
    summary: "Requests per minute and API key. Default 600.",
  },
  {
    name: "CODEXAPI_STORED_MAX_AGE_DAYS",
    example: "30",
    summary: "Days that stored responses and chat completions are kept. Default 30.",
  },
  {
    name: "CODEXAPI_STORED_MAX_OBJECT_BYTES",
    example: "4194304",
    summary: "Size of one stored object; a larger one is answered but not kept. Default 4 MiB.",
  },
  {
    name: "CODEXAPI_STORED_MAX_BYTES",
    example: "268435456",
    summary: "Size of one customer's stored objects together; the oldest go first. Default 256 MiB.",
  },
  {
    name: "CODEXAPI_STORED_MAX_COUNT",
    example: "10000",
    summary: "Stored objects per customer; the oldest go first. Default 10000.",
  },
  {
    name: "OPENAI_API_KEY",
    example: "sk-…",
    summary: "Upstream OpenAI; OPENAI_BASE_URL changes its address.",
  },
  {
    name: "ANTHROPIC_API_KEY",
    example: "sk-ant-…",
    summary: "Upstream Anthropic; ANTHROPIC_BASE_URL changes its address.",
  },
  {
    name: "DEEPSEEK_API_KEY",
    example: "sk-…",
    summary: "Upstream DeepSeek; DEEPSEEK_BASE_URL changes its address.",
  },
  {
    name: "OPENROUTER_API_KEY",
    example: "sk-or-…",
    summary: "Upstream OpenRouter; OPENROUTER_BASE_URL changes its address.",
  },
  {
    name: "CODEXAPI_PAYMENTS",
    example: "auto",
    summary:
      "stripe, demo (a built-in imitation of Stripe: no money moves), off, or auto. Default auto: stripe with its key, demo while only the demo upstream answers.",
  },
  {
    name: "STRIPE_SECRET_KEY",
    example: "sk_live_…",
    summary: "Payments by Stripe; STRIPE_BASE_URL changes its address.",
  },
  {
    name: "STRIPE_WEBHOOK_SECRET",
    example: "whsec_…",
    summary: "Of the webhook endpoint /api/v1/stripe/webhook; two with a comma while one is replaced.",
  },
  {
    name: "SMTP_URL",
    example: "smtps://user:password@mail.example.com",
    summary: "Server that mail leaves through. Without it customers have their inbox only.",
  },
  {
    name: "CODEXAPI_MAIL_FROM",
    example: "CodexAPI <billing@example.com>",
    summary: "Sender of all mail; needed with SMTP_URL.",
  },
  {
    name: "TURNSTILE_SECRET_KEY",
    example: "0x4AAA…",
    summary: "Cloudflare Turnstile for registration and rewards; TURNSTILE_BASE_URL changes its address.",
  },
  {
    name: "GUMROAD_BASE_URL",
    example: "https://api.gumroad.com",
    summary: "Where Gumroad licences are checked. Default https://api.gumroad.com.",
  },
  {
    name: "OPENAI_ADMIN_KEY",
    example: "sk-admin-…",
    summary: "Reads OpenAI's cost report for the daily reconciliation.",
  },
  {
    name: "ANTHROPIC_ADMIN_KEY",
    example: "sk-ant-admin…",
    summary: "Reads Anthropic's cost report for the daily reconciliation.",
  },
]
