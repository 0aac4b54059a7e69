/** One fuzzed request, made from a seed and a number alone: where it goes, as whom, and with what bytes. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import { createSeededRandom, type SeededRandom } from "../simulation/seeded-random.ts"
import { damageBytes, damageJson, damageValue } from "./mutate-json.ts"
import { type Corpus, MODEL_PATHS, type ModelPath, pickBody } from "./request-corpus.ts"
import { FUZZ_MODELS, type FuzzStage } from "./stage.ts"

export interface RequestCase {
  method: string
  path: string
  headers: Record<string, string>
  body: Uint8Array<ArrayBuffer> | undefined
  /** What is sent before it, and must leave an object whose id takes the place of `{id}` in the path. */
  before?: { path: ModelPath; body: JsonObject }
}

type Customers = FuzzStage["customers"]

/** Chance of its own for each case, whatever came before it. */
export const randomOf = (seed: number, index: number): SeededRandom =>
  createSeededRandom(Math.imul(seed, 1_000_003) + index)

export function makeRequest(
  seed: number,
  index: number,
  stage: { corpus: Corpus; customers: Customers },
): RequestCase {
  const random = randomOf(seed, index)
  const draw = random.int(100)
  if (draw < 72) return atDoor(random, stage, random.pick(MODEL_PATHS))
  if (draw < 84) return besideDoor(random, stage)
  return atStore(random, stage)
}

function atDoor(
  random: SeededRandom,
  { corpus, customers }: { corpus: Corpus; customers: Customers },
  path: ModelPath,
) {
  const model = random.pick(FUZZ_MODELS).name
  return sendable(random, customers, { method: "POST", path, body: pickBody(random, corpus, path, model) })
}

const BESIDE: [string, ModelPath][] = [
  ["/v1/responses/count_tokens", "/v1/responses"],
  ["/v1/responses/input_tokens", "/v1/responses"],
  ["/v1/responses/compact", "/v1/responses"],
  ["/v1/messages/count_tokens", "/v1/messages"],
  ["/v1/messages/batches", "/v1/messages"],
]

function besideDoor(random: SeededRandom, { corpus, customers }: { corpus: Corpus; customers: Customers }) {
  const [path, like] = random.pick(BESIDE)
  const body = pickBody(random, corpus, like, random.pick(FUZZ_MODELS).name)
  return sendable(random, customers, { method: "POST", path, body })
}

const STORE: [string, string, "response" | "chat"][] = [
  ["GET", "/v1/responses/{id}", "response"],
  ["GET", "/v1/responses/{id}/input_items", "response"],
  ["DELETE", "/v1/responses/{id}", "response"],
  ["POST", "/v1/responses/{id}/cancel", "response"],
  ["POST", "/v1/responses/{id}/compact", "response"],
  ["GET", "/v1/chat/completions", "chat"],
  ["GET", "/v1/chat/completions/{id}", "chat"],
  ["GET", "/v1/chat/completions/{id}/messages", "chat"],
  ["POST", "/v1/chat/completions/{id}", "chat"],
  ["PATCH", "/v1/chat/completions/{id}", "chat"],
  ["DELETE", "/v1/chat/completions/{id}", "chat"],
  ["GET", "/v1/models/{id}", "chat"],
  ["GET", "/v1/models", "chat"],
  ["GET", "/v1/responses", "response"],
]

const IDS = [
  "x",
  "resp_",
  "resp_0",
  "..",
  "%2e%2e",
  "%00",
  "%ff",
  "%F0%9F%98%80",
  "a/b",
  "'",
  "x".repeat(3_000),
  "null",
]
const QUERIES = [
  "limit",
  "order",
  "after",
  "before",
  "stream",
  "starting_after",
  "include[]",
  "model",
  "metadata[a]",
  "client_version",
]
const QUERY_VALUES = [
  "1",
  "0",
  "-1",
  "101",
  "1e3",
  "true",
  "asc",
  "desc",
  "",
  "%00",
  "%ff",
  "x",
  "9999999999999999999",
  "b",
]

function queryOf(random: SeededRandom): string {
  const pairs = Array.from(
    { length: random.int(4) },
    () => `${random.pick(QUERIES)}=${random.pick(QUERY_VALUES)}`,
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

function atStore(
  random: SeededRandom,
  { corpus, customers }: { corpus: Corpus; customers: Customers },
): RequestCase {
  const [method, route, kind] = random.pick(STORE)
  const model = random.pick(FUZZ_MODELS).name
  const own = random.chance(0.7)
  const path = (own ? route : route.replace("{id}", random.pick(IDS))) + queryOf(random)
  const has_body = method === "POST" || method === "PATCH"
  const like: ModelPath = kind === "response" ? "/v1/responses" : "/v1/chat/completions"
  const labels = random.chance(0.5) ? { metadata: { a: "b" } } : pickBody(random, corpus, like, model)
  const asked = sendable(random, customers, { method, path, ...(has_body && { body: labels }) })
  if (!own || !path.includes("{id}")) return asked
  const { body: _, ...bodiless } = asked
  const background = random.chance(0.3) ? { background: true } : {}
  const before =
    kind === "response"
      ? { path: like, body: { model, input: "keep this", stream: random.chance(0.3), ...background } }
      : {
          path: like,
          body: {
            model,
            messages: [{ role: "user", content: "keep this" }],
            store: true,
            metadata: { a: "b" },
          },
        }
  return { ...bodiless, body: asked.body, before }
}

/** What the damage leaves of it, with headers. */
function sendable(
  random: SeededRandom,
  customers: Customers,
  { method, path, body }: { method: string; path: string; body?: JsonObject },
): RequestCase {
  const headers = headersOf(random, customers)
  if (!body) return { method, path, headers, body: undefined }
  const damaged = random.chance(0.12) ? body : damageValue(random, body, random.pick([1, 1, 1, 2, 3, 6]))
  const plain = JSON.stringify(damaged) ?? ""
  const text = random.chance(0.12) ? damageJson(random, plain) : plain
  const encoded = new TextEncoder().encode(text)
  const bytes = random.chance(0.03) ? damageBytes(random, encoded) : Uint8Array.from(encoded)
  return { method, path, headers, body: compress(random, headers, bytes) }
}

const CODINGS: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  identity: bytes => bytes,
  "x-gzip": gzipSync,
}

function compress(random: SeededRandom, headers: Record<string, string>, bytes: Uint8Array<ArrayBuffer>) {
  if (random.chance(0.88)) return bytes
  const name = random.pick(Object.keys(CODINGS))
  headers["content-encoding"] = random.chance(0.7)
    ? name
    : random.pick(["gzip", "br", "zstd", "compress", "", "gzip, br"])
  const packed = Uint8Array.from(CODINGS[name]!(bytes))
  if (random.chance(0.8)) return packed
  return random.chance(0.5) ? packed.slice(0, random.int(packed.length + 1)) : damageBytes(random, packed)
}

function headersOf(random: SeededRandom, customers: Customers): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/json" }
  const { rich, poor, broke, limited } = customers
  const draw = random.int(100)
  const key = draw < 88 ? rich.key : draw < 92 ? poor.key : draw < 94 ? broke.key : limited.key
  const ways: (() => void)[] = [
    () => Object.assign(headers, { authorization: `Bearer ${key}` }),
    () => Object.assign(headers, { "x-api-key": key }),
    () => Object.assign(headers, { authorization: `Bearer ${key}`, "x-api-key": "wrong" }),
  ]
  if (random.chance(0.97)) random.pick(ways)()
  else if (random.chance(0.5))
    headers.authorization = random.pick(["Bearer cxk_wrong", "Basic eDp5", "Bearer", "", "Bearer \u00ff"])
  const extras: [string, string[]][] = [
    ["originator", ["codex_exec", "codex-tui", "codex_cli_rs", ""]],
    ["user-agent", ["codex_cli_rs/0.142.2", "claude-cli/2.1.197 (external, cli)", "OpenAI/JS 6.49.0", "x"]],
    ["anthropic-version", ["2023-06-01", "2020-01-01", "x"]],
    ["anthropic-beta", ["claude-code-20250219", "x,y", ""]],
    ["accept", ["text/event-stream", "application/json", "*/*", "image/png"]],
    ["content-type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]],
    ["session_id", ["s", "x".repeat(2_000)]],
    ["x-codex-turn-state", ["a", ""]],
    ["openai-beta", ["responses=experimental"]],
  ]
  for (const [name, values] of extras) if (random.chance(0.15)) headers[name] = random.pick(values)
  return headers
}

/** A request's body as it would be typed, for reports. */
export function showRequest({ method, path, headers, body, before }: RequestCase): string {
  const text = body === undefined ? "" : Buffer.from(body).toString("utf8")
  const prior = before ? `before: ${before.path} ${JSON.stringify(before.body)}\n` : ""
  return `${prior}${method} ${path}\n${JSON.stringify(headers)}\n${text}`
}

/** Whether the answer is for the Codex CLI, which gets refusals as failed streams. */
export const isCodex = ({ headers }: RequestCase): boolean =>
  /^codex[_-]/i.test(headers.originator ?? headers["user-agent"] ?? "")

export const asObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
