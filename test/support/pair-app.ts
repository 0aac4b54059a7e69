/** The whole server with one model per upstream protocol, and clients of every protocol to ask it; scripts stand in the tests. */
import type { ClientProtocol } from "../../src/gateway/protocol/codecs.ts"
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { listReceipts, type Receipt } from "../../src/wallet/usage/receipts.ts"
import { openTestApp, readBooks, type TestApp, type TestCustomer } from "./app.ts"
import type { Answer, FetchCall } from "./fake-fetch.ts"
import { runCommand } from "./operator.ts"
import { UPSTREAM_PROTOCOLS } from "./pairs.ts"

/** USD per 1M tokens, and per 1,000 searches. */
export interface Rates {
  input: string
  output: string
  cached?: string
  "cache-write-5m"?: string
  "cache-write-1h"?: string
  "web-search"?: string
}

export interface PairApp extends AsyncDisposable {
  app: TestApp
  customer: TestCustomer
  /** A new price for the models of all three upstreams. */
  setRates(rates: Rates): Promise<void>
  /** Asks as a client does; the upstream answers by `answer`. */
  ask(asked: Asked, answer: Answer): Promise<Asking>
}

export interface Asked {
  client: ClientProtocol
  upstream: Protocol
  is_streamed?: boolean
  /** Members of the body beside those that every request has. */
  body?: JsonObject
  headers?: Record<string, string>
}

/** What came of a request. */
export interface Asking {
  response: Response
  text: string
  /** What the upstream was sent; undefined when it was not asked. */
  sent: JsonObject | undefined
}

export const modelOn = (upstream: Protocol): string => `model-on-${upstream}`

export const PATHS = {
  "openai-responses": "/v1/responses",
  "openai-chat": "/v1/chat/completions",
  "openai-completions": "/v1/completions",
  "anthropic-messages": "/v1/messages",
} as const satisfies Record<ClientProtocol, string>

const options = (values: object): string[] =>
  Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])

/** `upstream_options` are the operator's, e.g. quirks, for all three upstreams. */
export async function openPairApp(upstream_options: Record<string, string> = {}): Promise<PairApp> {
  const app = await openTestApp()
  for (const upstream of UPSTREAM_PROTOCOLS) {
    const address = { "base-url": `https://${upstream}.test/v1`, key: "sk-canary", protocol: upstream }
    await runCommand(app, "upstream add", ...options({ id: upstream, ...address, ...upstream_options }))
    const model = {
      id: modelOn(upstream),
      "max-output": "64000",
      efforts: "low,medium,high",
      modalities: "text,image",
    }
    await runCommand(app, "model add", ...options(model))
    await runCommand(
      app,
      "route add",
      ...options({ model: modelOn(upstream), upstream, "upstream-model": "up-1" }),
    )
  }
  const setRates = async (rates: Rates) => {
    for (const upstream of UPSTREAM_PROTOCOLS) {
      await runCommand(app, "rate set", ...options({ model: modelOn(upstream), ...rates }))
    }
  }
  await setRates({ input: "5", cached: "0.5", output: "30" })
  const customer = await app.createCustomer({ credit_usd: "1000" })
  return {
    app,
    customer,
    setRates,
    ask: (asked, answer) => ask({ app, customer }, asked, answer),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

async function ask(
  { app, customer }: { app: TestApp; customer: TestCustomer },
  { client, upstream, is_streamed = false, body = {}, headers = {} }: Asked,
  answer: Answer,
): Promise<Asking> {
  const before = app.upstream.calls.length
  // Receipts of the same millisecond have no order.
  app.clock.advance(1)
  app.upstream.play(answer)
  const response = await app.send(PATHS[client], {
    key: customer.key,
    headers,
    body: { ...plainBody(client, upstream, is_streamed), ...body },
  })
  const text = await response.text()
  await app.app.tasks.idle()
  const call: FetchCall | undefined = app.upstream.calls[before]
  return { response, text, sent: call && (JSON.parse(call.body) as JsonObject) }
}

/** A short question in the client's words. */
export function plainBody(client: ClientProtocol, upstream: Protocol, is_streamed: boolean): JsonObject {
  const model = modelOn(upstream)
  const messages = [{ role: "user", content: "hi" }]
  const chat_options = is_streamed ? { stream_options: { include_usage: true } } : {}
  switch (client) {
    case "openai-responses":
      return { model, input: "hi", store: false, stream: is_streamed }
    case "openai-chat":
      return { model, messages, stream: is_streamed, ...chat_options }
    case "openai-completions":
      return { model, prompt: "hi", stream: is_streamed, ...chat_options }
    case "anthropic-messages":
      return { model, max_tokens: 1000, messages, stream: is_streamed }
  }
}

/** The newest receipt. What was held for it is given back. */
export async function lastReceipt({ app, customer }: PairApp): Promise<Receipt> {
  const page = { customer_id: customer.id, limit: 1, before: undefined }
  const [receipt] = await listReceipts(app.app.store.read, page)
  if (receipt === undefined) throw new Error("there is no receipt")
  return receipt
}

/** Checks every law of the ledger and the price of every receipt, and that nothing is held. */
export async function checkBooks({ app, customer }: PairApp): Promise<void> {
  const { held_nanos } = await readBooks(app, customer)
  if (held_nanos !== 0) throw new Error(`${held_nanos} nanos are still held`)
}
