/** Usage as OpenAI reports it: disjoint counters, doubts read low, null is not zero. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { readUsage } from "../../../../src/gateway/protocol/openai-responses/read-usage.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { checkProperty } from "../../../support/property.ts"

const report = (input: unknown, output: unknown, cached?: unknown, reasoning?: unknown) => ({
  input_tokens: input,
  output_tokens: output,
  input_tokens_details: { cached_tokens: cached },
  output_tokens_details: { reasoning_tokens: reasoning },
})

interface Counts {
  input?: number
  cached?: number
  written?: number
  output?: number
  reasoning?: number
}

const usage = ({ input = 0, cached = 0, written = 0, output = 0, reasoning = 0 }: Counts) => ({
  ...NO_USAGE,
  input_tokens: input,
  cache_read_tokens: cached,
  cache_write_5m_tokens: written,
  output_tokens: output,
  reasoning_tokens: reasoning,
})

describe("a report", () => {
  test.each([
    [
      "of money.md's golden",
      report(1_250, 300, 1_000, 200),
      { input: 250, cached: 1_000, output: 300, reasoning: 200 },
    ],
    ["without details", { input_tokens: 10, output_tokens: 2 }, { input: 10, output: 2 }],
    ["with details that are null", report(10, 2, null, null), { input: 10, output: 2 }],
    ["of which all is cached", report(10, 2, 10), { cached: 10, output: 2 }],
    ["of zero, which is a report", report(0, 0, 0, 0), {}],
    [
      "with members of other vendors",
      { ...report(10, 2), cost: 5, total_tokens: 99 },
      { input: 10, output: 2 },
    ],
  ] as [string, unknown, Counts][])("%s is read without a doubt", (_, raw, counts) => {
    expect(readUsage(raw)).toEqual({ usage: usage(counts) })
  })

  test.each([
    ["a negative count", report(-5, 2), { output: 2 }],
    ["a negative count", report(5, -2), { input: 5 }],
    ["a negative count", report(5, 2, -1), { input: 5, output: 2 }],
    ["a negative count", report(5, 2, 0, -1), { input: 5, output: 2 }],
    ["no input count", report(undefined, 2), { output: 2 }],
    ["no input count", report("5", 2), { output: 2 }],
    [
      "more cached than input tokens",
      { ...report(5, 2, 3), input_tokens_details: { cached_tokens: 3, cache_write_tokens: 4 } },
      { cached: 3, written: 2, output: 2 },
    ],
    ["more cached than input tokens", report(5, 2, 6), { cached: 5, output: 2 }],
    ["more reasoning than output tokens", report(5, 2, 0, 3), { input: 5, output: 2, reasoning: 2 }],
  ] as [string, unknown, Counts][])("with %s is flagged and read low: %#", (flag, raw, counts) => {
    expect(readUsage(raw)).toEqual({ usage: usage(counts), flag })
  })
})

test.each([null, 2.5, 1e300, "5"])(
  "without an output count (%j) it is partial: what was delivered counts",
  output => {
    expect(readUsage(report(5, output))).toEqual({
      usage: usage({ input: 5 }),
      flag: "no output count",
      is_partial: true,
    })
  },
)

test("tokens written to a cache are apart from the fresh ones (OpenRouter)", () => {
  const raw = { ...report(100, 2), input_tokens_details: { cached_tokens: 30, cache_write_tokens: 50 } }
  expect(readUsage(raw)).toEqual({ usage: usage({ input: 20, cached: 30, written: 50, output: 2 }) })
})

test("what is no object, or counts neither input nor output, is no report", () => {
  for (const raw of [undefined, null, 5, "usage", [], {}, { total_tokens: 5 }, report(null, null)]) {
    expect(readUsage(raw)).toBeUndefined()
  }
})

test("law 7: whatever is reported, no counter is negative and what is said is conserved", () => {
  const count = fc.oneof(fc.nat(), fc.integer(), fc.constantFrom(null, undefined, "7", 2 ** 53))
  checkProperty(
    import.meta.path,
    fc.tuple(count, count, count, count),
    ([input, output, cached, reasoning]) => {
      const read = readUsage(report(input, output, cached, reasoning))
      if (!read) return
      for (const value of Object.values(read.usage))
        expect(Number.isSafeInteger(value) && value >= 0).toBe(true)
      if (read.flag !== undefined) return
      expect(read.usage.input_tokens + read.usage.cache_read_tokens).toBe(input as number)
      expect(read.usage.output_tokens).toBe(output as number)
    },
  )
})
