/**
 * The golden cases of money.md through the whole server: each to the nano, on every endpoint and upstream protocol, the
 * same streamed, whole from a stream, and whole from a whole answer; and what each client is shown of the counters.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ClientProtocol } from "../../../src/gateway/protocol/codecs.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import {
  type Asking,
  checkBooks,
  lastReceipt,
  openPairApp,
  type PairApp,
  type Rates,
} from "../../support/pair-app.ts"
import { NAMED_PAIRS, type Pair, wireEvents } from "../../support/pairs.ts"
import { type VendorAnswer, vendorAnswer } from "../../support/vendor-wire.ts"

/** Counters as we keep them: disjoint. */
interface Counters {
  input: number
  read?: number
  write?: number
  output: number
  reasoning?: number
}

interface Golden {
  name: string
  rates: Rates
  counters: Counters
  nanos: number
}

const GOLDENS: Golden[] = [
  {
    name: "input 1,250 of which cached 1,000, output 300 of which reasoning 200, at 5 / 0.5 / 30: $0.01075",
    rates: { input: "5", cached: "0.5", output: "30" },
    counters: { input: 250, read: 1_000, output: 300, reasoning: 200 },
    nanos: 10_750_000,
  },
  {
    name: "input 56,322 beside cache read 72,960: never a negative count",
    rates: { input: "3", cached: "0.3", output: "15" },
    counters: { input: 56_322, read: 72_960, output: 100 },
    nanos: 192_354_000,
  },
  {
    name: "7 tokens at 0.075: 525 nanos, not one micro-dollar",
    rates: { input: "0.075", output: "1" },
    counters: { input: 7, output: 0 },
    nanos: 525,
  },
  {
    name: "zero usage reported is zero",
    rates: { input: "5", output: "30" },
    counters: { input: 0, output: 0 },
    nanos: 0,
  },
]

/** Only Anthropic counts what it writes to a cache. */
const WRITTEN: Golden = {
  name: "input 3, cache write 12,304, output 550 at 3 / 3.75 / 15: $0.054399",
  rates: { input: "3", "cache-write-5m": "3.75", output: "15" },
  counters: { input: 3, write: 12_304, output: 550 },
  nanos: 54_399_000,
}

/** The counters in the vendor's own words. */
function reportOf(
  upstream: Protocol,
  { input, read = 0, write = 0, output, reasoning = 0 }: Counters,
): JsonObject {
  if (upstream === "anthropic-messages") {
    const cache = { cache_read_input_tokens: read, cache_creation_input_tokens: write }
    return { input_tokens: input, ...cache, output_tokens: output }
  }
  const total = input + read + output
  if (upstream === "openai-chat") {
    return {
      prompt_tokens: input + read,
      prompt_tokens_details: { cached_tokens: read },
      completion_tokens: output,
      completion_tokens_details: { reasoning_tokens: reasoning },
      total_tokens: total,
    }
  }
  return {
    input_tokens: input + read,
    input_tokens_details: { cached_tokens: read },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: total,
  }
}

/** What the client's shape must say of the counters. */
function shownTo(client: ClientProtocol, { input, read = 0, write = 0, output }: Counters): JsonObject {
  const whole = input + read + write
  switch (client) {
    case "anthropic-messages":
      return {
        input_tokens: input,
        cache_read_input_tokens: read,
        cache_creation_input_tokens: write,
        output_tokens: output,
      }
    case "openai-responses":
      return {
        input_tokens: whole,
        input_tokens_details: { cached_tokens: read },
        output_tokens: output,
        total_tokens: whole + output,
      }
    default:
      return {
        prompt_tokens: whole,
        prompt_tokens_details: { cached_tokens: read },
        completion_tokens: output,
        total_tokens: whole + output,
      }
  }
}

/** The usage that the client adds up: in a Messages stream the later counters go over the earlier. */
function usageIn(is_streamed: boolean, text: string): JsonObject {
  if (!is_streamed) return (JSON.parse(text) as { usage: JsonObject }).usage
  const reports = wireEvents(text).flatMap(({ data }) => {
    const { usage, message, response } = data as {
      usage?: JsonObject
      message?: JsonObject
      response?: JsonObject
    }
    return [usage ?? message?.usage ?? response?.usage ?? {}] as JsonObject[]
  })
  return Object.assign({}, ...reports) as JsonObject
}

/** Streamed, collected from a stream (no limit), whole from a whole answer (all held at once). */
const WAYS: { is_streamed: boolean; limit: number | undefined }[] = [
  { is_streamed: true, limit: undefined },
  { is_streamed: false, limit: undefined },
  { is_streamed: false, limit: 1000 },
]

function limitIn(client: ClientProtocol, limit: number | undefined): JsonObject {
  if (client === "openai-responses") return limit === undefined ? {} : { max_output_tokens: limit }
  return { max_tokens: limit ?? (client === "anthropic-messages" ? 60_000 : undefined) }
}

let scene: PairApp
beforeAll(async () => {
  scene = await openPairApp()
})
afterAll(() => scene[Symbol.asyncDispose]())

async function askEveryWay(
  { client, upstream }: Pair,
  answer: VendorAnswer,
  look: (asking: Asking, is_streamed: boolean) => Promise<void>,
) {
  for (const { is_streamed, limit } of WAYS) {
    const asking = await scene.ask(
      { client, upstream, is_streamed, body: limitIn(client, limit) },
      vendorAnswer(upstream, answer),
    )
    expect([asking.response.status, asking.text.slice(0, 300)]).toEqual([200, expect.anything()])
    await look(asking, is_streamed)
  }
}

async function expectGolden(pair: Pair, { rates, counters, nanos }: Golden): Promise<void> {
  await scene.setRates(rates)
  await askEveryWay(
    pair,
    { usage: reportOf(pair.upstream, counters) },
    async ({ text, response }, is_streamed) => {
      const receipt = await lastReceipt(scene)
      const { read = 0, write = 0 } = counters
      expect(receipt).toMatchObject({
        charged_nanos: nanos,
        cost_nanos: nanos,
        usage_source: "reported",
        usage_flag: null,
        input_tokens: counters.input,
        cache_read_tokens: read,
        cache_write_5m_tokens: write,
        output_tokens: counters.output,
      })
      expect(usageIn(is_streamed, text)).toMatchObject(shownTo(pair.client, counters))
      if (!is_streamed) expect(Number(response.headers.get("x-codexapi-cost-usd"))).toBe(nanos / 1e9)
    },
  )
}

describe.each(GOLDENS.map(golden => [golden.name, golden] as const))("%s", (_, golden) => {
  test.each(NAMED_PAIRS)("%s", (_name, pair) => expectGolden(pair, golden))
})

describe(WRITTEN.name, () => {
  const pairs = NAMED_PAIRS.filter(([, { upstream }]) => upstream === "anthropic-messages")
  test.each(pairs)("%s", (_, pair) => expectGolden(pair, WRITTEN))
})

describe("no usage reported is an estimate from the delivered text, never above the hold", () => {
  test.each(NAMED_PAIRS)("%s", async (_, pair) => {
    await scene.setRates({ input: "5", output: "30" })
    await askEveryWay(pair, { text: "x".repeat(400) }, async () => {
      const receipt = await lastReceipt(scene)
      expect(receipt).toMatchObject({ usage_source: "estimated", output_tokens: 100 })
      expect(receipt.charged_nanos).toBe(receipt.input_tokens * 5_000 + 100 * 30_000)
      expect(receipt.charged_nanos).toBeLessThanOrEqual(receipt.peak_held_nanos)
    })
  })
})

describe("a negative or inconsistent report is flagged and charged at the lower reading", () => {
  const DOUBTFUL: Record<Protocol, JsonObject> = {
    "openai-responses": {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 900 },
      output_tokens: -5,
    },
    "openai-chat": {
      prompt_tokens: 100,
      prompt_tokens_details: { cached_tokens: 900 },
      completion_tokens: -5,
    },
    "anthropic-messages": { input_tokens: -7, cache_read_input_tokens: 100, output_tokens: -5 },
  }
  test.each(NAMED_PAIRS)("%s", async (_, pair) => {
    await scene.setRates({ input: "5", cached: "0.5", output: "30" })
    await askEveryWay(pair, { usage: DOUBTFUL[pair.upstream] }, async ({ text }, is_streamed) => {
      const receipt = await lastReceipt(scene)
      expect(receipt).toMatchObject({ charged_nanos: 100 * 500, input_tokens: 0, output_tokens: 0 })
      expect(receipt.usage_flag).toBeString()
      // Where the protocols are equal, the client sees the vendor's own words.
      if (pair.client !== pair.upstream)
        expect(JSON.stringify(usageIn(is_streamed, text))).not.toMatch(/:-\d/)
    })
  })
})

describe("hosted searches are counted and priced, 10 USD per 1,000", () => {
  const pairs = NAMED_PAIRS.filter(([, { upstream }]) => upstream !== "openai-chat")
  test.each(pairs)("%s", async (_, pair) => {
    await scene.setRates({ input: "5", output: "30", "web-search": "10" })
    const counters = { input: 100, output: 10 }
    const counted =
      pair.upstream === "anthropic-messages" ? { server_tool_use: { web_search_requests: 2 } } : {}
    const usage = { ...reportOf(pair.upstream, counters), ...counted }
    await askEveryWay(pair, { usage, searches: 2 }, async () => {
      const nanos = 100 * 5_000 + 10 * 30_000 + 2 * 10_000_000
      expect(await lastReceipt(scene)).toMatchObject({ web_search_count: 2, charged_nanos: nanos })
    })
  })
})

describe("the tier that was served is charged", () => {
  const PLAIN = 250 * 5_000 + 1_000 * 500 + 300 * 30_000
  const usage = (upstream: Protocol) => reportOf(upstream, GOLDENS[0]!.counters)
  const openai = NAMED_PAIRS.filter(
    ([, { client, upstream }]) => client === upstream && upstream !== "anthropic-messages",
  )

  test.each(openai)(
    "%s: priority doubles it when it was served, and only then",
    async (_, { client, upstream }) => {
      await scene.setRates(GOLDENS[0]!.rates)
      for (const is_streamed of [true, false]) {
        for (const [service_tier, factor] of [
          ["priority", 2],
          ["default", 1],
        ] as const) {
          const asked = { client, upstream, is_streamed, body: { service_tier: "priority" } }
          await scene.ask(asked, vendorAnswer(upstream, { usage: usage(upstream), service_tier }))
          expect(await lastReceipt(scene)).toMatchObject({
            charged_nanos: PLAIN * factor,
            tier_served: service_tier,
          })
        }
      }
    },
  )

  test.each([
    ["Chat, which is not asked for a tier", "openai-chat", {}],
    [
      "Messages, which says that it served the standard one",
      "anthropic-messages",
      { service_tier: "standard" },
    ],
  ] as const)("priority asked and not served costs the plain price: %s", async (_, upstream, told) => {
    await scene.setRates(GOLDENS[0]!.rates)
    for (const is_streamed of [true, false]) {
      const asked = {
        client: "openai-responses",
        upstream,
        is_streamed,
        body: { service_tier: "priority" },
      } as const
      await scene.ask(asked, vendorAnswer(upstream, { usage: { ...usage(upstream), ...told } }))
      expect(await lastReceipt(scene)).toMatchObject({ tier_asked: "priority", charged_nanos: PLAIN })
    }
  })
})

test("the books balance, and every receipt can be priced again", () => checkBooks(scene))
