/** The programs the bench compares, as rows; to measure another gateway, add a row. */
import { resolve } from "node:path"
import { mintKey, type Running } from "./processes.ts"

export interface Gateway {
  name: string
  /** In `command` and `env`, {port}, {upstream} (with /v1) and {data} (a folder of its own) are filled in. */
  command: string[]
  env: Record<string, string>
  /** It takes requests of one protocol for models of another. */
  isTranslating: boolean
  healthPath: string
  /** Headers of every request. */
  headers: Record<string, string>
  /** Fills its data folder before it starts; gives the bearers that its requests have in turns. */
  fill?: (folder: string) => Promise<string[]>
  /** Runs once when it is up, for example to make a customer; gives more headers. */
  prepare?: (running: Running) => Promise<Record<string, string>>
}

/** The row every other row is divided by. */
export const yardstick = "pass-through"

const root = resolve(import.meta.dir, "../..")
const passThrough: Omit<Gateway, "name"> = {
  command: [process.execPath, resolve(import.meta.dir, "pass-through.ts")],
  env: { PORT: "{port}", UPSTREAM_URL: "{upstream}" },
  isTranslating: false,
  healthPath: "/health",
  headers: {},
}

export const gateways: Gateway[] = [
  { name: yardstick, ...passThrough },
  {
    name: "codexapi",
    command: [resolve(root, "dist/codexapi"), "serve"],
    env: {
      CODEXAPI_PORT: "{port}",
      CODEXAPI_HOST: "127.0.0.1",
      CODEXAPI_DATA_DIR: "{data}",
      CODEXAPI_SECRET: "a secret for the bench only, 32 bytes or more",
      CODEXAPI_KEY_CONCURRENCY: "1000000",
      CODEXAPI_KEY_REQUESTS_PER_MINUTE: "100000000",
      OPENAI_API_KEY: "sk-bench",
      OPENAI_BASE_URL: "{upstream}",
      ANTHROPIC_API_KEY: "sk-bench",
      ANTHROPIC_BASE_URL: "{upstream}",
      DEEPSEEK_API_KEY: "sk-bench",
      DEEPSEEK_BASE_URL: "{upstream}",
    },
    isTranslating: true,
    healthPath: "/health",
    headers: {},
    prepare: mintKey,
  },
  // Says how much two equal programs differ on this machine; measured only when named with --gateways.
  { name: "pass-through-again", ...passThrough },
]
