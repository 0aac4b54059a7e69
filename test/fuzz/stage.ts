/** The server that is fuzzed: a model per upstream protocol, customers of several kinds, answers led by marks in prompts. */
import { QUIRKS } from "../../src/gateway/protocol/target.ts"
import type { Rates } from "../../src/wallet/pricing/cost.ts"
import { addRateCard } from "../../src/wallet/pricing/rate-cards.ts"
import { openTestApp, type TestApp, type TestCustomer } from "../support/app.ts"
import type { Answer } from "../support/fake-fetch.ts"
import { UPSTREAM_PROTOCOLS } from "../support/pairs.ts"
import { legalAnswer } from "./legal-answer.ts"

/** A model that is served: its name, the protocol of its upstream, and whether equal protocols pass to the letter. */
export interface FuzzModel {
  name: string
  protocol: (typeof UPSTREAM_PROTOCOLS)[number]
  has_quirks: boolean
}

const PLAIN: FuzzModel[] = UPSTREAM_PROTOCOLS.map(protocol => ({
  name: `fuzz-${protocol}`,
  protocol,
  has_quirks: false,
}))

/** Every upstream protocol plain, and again with every quirk there is: then even equal protocols are translated. */
export const FUZZ_MODELS: readonly FuzzModel[] = [
  ...PLAIN,
  ...PLAIN.map(model => ({ ...model, name: `${model.name}-quirky`, has_quirks: true })),
]

export const MODELS_BY_NAME = new Map(FUZZ_MODELS.map(model => [model.name, model]))

export interface FuzzStage {
  app: TestApp
  customers: Record<"rich" | "poor" | "broke" | "limited", TestCustomer>
  /** Scripted answers by the mark in the prompt; a request without a mark gets a short legal one. */
  scripts: Map<string, Answer>
  /** Bodies that were sent to an upstream and are no JSON. */
  unreadable: string[]
  close(): Promise<void>
}

const ENV = {
  CODEXAPI_KEY_CONCURRENCY: "1000000",
  CODEXAPI_KEY_REQUESTS_PER_MINUTE: "100000000",
  CODEXAPI_LOG_LEVEL: "warn",
  OPENROUTER_API_KEY: undefined,
  OPENROUTER_BASE_URL: undefined,
}

/** The words by which a prompt leads to its script. */
export const markOf = (index: number): string => `fuzz-mark-${index}-`

export async function openFuzzStage(): Promise<FuzzStage> {
  const app = await openTestApp({ env: ENV })
  await addModels(app)
  const customers = {
    rich: await app.createCustomer({ email: "rich@example.com", credit_usd: "1000000.00" }),
    poor: await app.createCustomer({ email: "poor@example.com", credit_usd: "2.00" }),
    broke: await app.createCustomer({ email: "broke@example.com", credit_usd: "0" }),
    limited: await app.createCustomer({ email: "limited@example.com", models: ["fuzz-openai-chat"] }),
  }
  const scripts = new Map<string, Answer>()
  const unreadable: string[] = []
  const { upstream } = app
  const answer: Answer = call => {
    // The script never runs out, and what was asked is not kept.
    upstream.play(answer)
    upstream.calls.length = 0
    const mark = /fuzz-mark-\d+-/.exec(call.body)?.[0]
    const script = mark === undefined ? undefined : scripts.get(mark)
    if (script) return script(call)
    const protocol = UPSTREAM_PROTOCOLS.find(name => call.url.includes(`//${name}`)) ?? "openai-responses"
    const legal = legalAnswer(protocol, call.body)
    if (legal) return legal
    unreadable.push(call.body.slice(0, 200))
    return new Response("not JSON", { status: 400 })
  }
  upstream.play(answer)
  return { app, customers, scripts, unreadable, close: () => app.close() }
}

const RATES = {
  input_rate: 5_000_000,
  cache_read_rate: 500_000,
  cache_write_5m_rate: 6_250_000,
  cache_write_1h_rate: 10_000_000,
  output_rate: 30_000_000,
  web_search_rate: 10_000_000_000,
  tier_multipliers: { priority: [2, 1], flex: [1, 2] },
} satisfies Rates

async function addModels({ app }: TestApp): Promise<void> {
  const now = app.clock.now()
  await app.store.tx(async q => {
    for (const { name, protocol, has_quirks } of FUZZ_MODELS) {
      await q.run(
        `INSERT INTO upstream (id, protocol, base_url, is_enabled, created_at, quirks, tool_name_length)
         VALUES (?, ?, ?, 1, ?, ?, 64)`,
        name,
        protocol,
        `https://${name.replace("fuzz-", "")}.test/v1`,
        now,
        JSON.stringify(has_quirks ? Object.keys(QUIRKS) : []),
      )
      await q.run(
        `INSERT INTO model (id, label, description, owned_by, context_window_tokens, max_output_tokens,
           reasoning_efforts, input_modalities, priority, is_enabled, created_at)
         VALUES (?1, ?1, ?1, 'fuzz', 272000, 16000, '["low","medium","high"]', '["text","image"]', 99, 1, ?2)`,
        name,
        now,
      )
      await addRateCard(q, { newId: app.newId, now }, { ...RATES, model_id: name, source: "fuzz" })
      await q.run(
        `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at)
         VALUES (?1, ?2, ?2, ?3, 0, 1, 1, ?4)`,
        app.newId("rt"),
        name,
        `${name}-there`,
        now,
      )
    }
  })
  await app.catalog.reload()
}
