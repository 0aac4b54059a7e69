/** Anthropic's counters in ours: goldens of money.md and inconsistent reports. */
import { describe, expect, test } from "bun:test"
import { mergeUsage, readUsage } from "../../../../src/gateway/protocol/anthropic-messages/read-usage.ts"
import { writeUsage } from "../../../../src/gateway/protocol/anthropic-messages/write-usage.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { arbitraryUsage } from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"

describe("reading", () => {
  test("counters are apart: input beside a larger cache read is never negative (money.md, Goldens)", () => {
    const raw = { input_tokens: 56_322, cache_read_input_tokens: 72_960, output_tokens: 10 }
    expect(readUsage(raw)).toEqual({
      usage: { ...NO_USAGE, input_tokens: 56_322, cache_read_tokens: 72_960, output_tokens: 10 },
    })
  })

  test("a cache write without a split lasts five minutes (money.md, Goldens)", () => {
    const raw = { input_tokens: 3, cache_creation_input_tokens: 12_304, output_tokens: 550 }
    expect(readUsage(raw)).toEqual({
      usage: { ...NO_USAGE, input_tokens: 3, cache_write_5m_tokens: 12_304, output_tokens: 550 },
    })
  })

  test("a split is kept", () => {
    const cache_creation = { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 }
    const raw = { input_tokens: 1, cache_creation_input_tokens: 30, cache_creation, output_tokens: 1 }
    expect(readUsage(raw)?.usage).toMatchObject({ cache_write_5m_tokens: 10, cache_write_1h_tokens: 20 })
  })

  test("hosted searches and reasoning are counted", () => {
    const server_tool_use = { web_search_requests: 2 }
    const raw = {
      input_tokens: 1,
      output_tokens: 9,
      server_tool_use,
      output_tokens_details: { thinking_tokens: 4 },
    }
    expect(readUsage(raw)?.usage).toMatchObject({ web_search_count: 2, reasoning_tokens: 4 })
  })

  test("each sampling of an answer that was compacted is billed: the sums at the top leave compactions out", () => {
    const compaction = { type: "compaction", input_tokens: 180_000, output_tokens: 3_500 }
    const message = {
      type: "message",
      input_tokens: 23_000,
      output_tokens: 1_000,
      cache_read_input_tokens: 7,
    }
    const top = { input_tokens: 23_000, output_tokens: 1_000, cache_read_input_tokens: 7 }
    const usage = { ...NO_USAGE, input_tokens: 203_000, output_tokens: 4_500, cache_read_tokens: 7 }
    expect(readUsage({ ...top, iterations: [compaction, message] })).toEqual({ usage })
    expect(readUsage({ ...top, iterations: [message] })?.usage.input_tokens).toBe(23_000)
    for (const iterations of [null, 5, [null, 7], []])
      expect(readUsage({ ...top, iterations })?.usage.input_tokens).toBe(23_000)
  })

  test("samplings that sum to less than the top are not believed", () => {
    const small = { input_tokens: 1, output_tokens: 1 }
    const raw = { input_tokens: 50, output_tokens: 9, iterations: [small, small] }
    expect(readUsage(raw)?.usage).toMatchObject({ input_tokens: 50, output_tokens: 9 })
  })

  test("without an output count it is partial", () => {
    expect(readUsage({ input_tokens: 3 })).toMatchObject({ is_partial: true, flag: "no output count" })
    expect(readUsage({ input_tokens: 3, output_tokens: 0 })).not.toHaveProperty("is_partial")
  })

  test("null, nothing and an empty object are no report; zero is one", () => {
    for (const raw of [null, undefined, {}, 7]) expect(readUsage(raw)).toBeUndefined()
    expect(readUsage({ input_tokens: 0, output_tokens: 0 })).toEqual({ usage: NO_USAGE })
  })

  const doubtful: [string, object, object][] = [
    ["a negative count", { input_tokens: -5, output_tokens: 3 }, { input_tokens: 0, output_tokens: 3 }],
    ["no input count", { output_tokens: 3 }, { input_tokens: 0, output_tokens: 3 }],
    ["no output count", { input_tokens: 3, output_tokens: 1.5 }, { input_tokens: 3, output_tokens: 0 }],
    [
      "cache writes that are not the sum of their kinds",
      {
        input_tokens: 1,
        output_tokens: 1,
        cache_creation_input_tokens: 5,
        cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 4 },
      },
      { cache_write_5m_tokens: 1, cache_write_1h_tokens: 4 },
    ],
    [
      "more reasoning than output tokens",
      { input_tokens: 1, output_tokens: 1, output_tokens_details: { thinking_tokens: 2 } },
      { reasoning_tokens: 1 },
    ],
  ]
  for (const [flag, raw, expected] of doubtful) {
    test(`${flag} is flagged and read low`, () => {
      const reported = readUsage(raw)
      expect(reported?.flag).toBe(flag)
      expect(reported?.usage).toMatchObject(expected)
    })
  }
})

describe("merging", () => {
  test("present values replace, null ones do not", () => {
    const before = { input_tokens: 1, output_tokens: 1 }
    expect(mergeUsage(before, { output_tokens: 9, input_tokens: null })).toEqual({
      input_tokens: 1,
      output_tokens: 9,
    })
    expect(mergeUsage(before, undefined)).toBe(before)
    expect(mergeUsage(undefined, { output_tokens: 2 })).toEqual({ output_tokens: 2 })
  })

  test("the split of an outdated total is forgotten, that of the same total is not", () => {
    const cache_creation = { ephemeral_1h_input_tokens: 5 }
    const before = { cache_creation_input_tokens: 5, cache_creation }
    expect(mergeUsage(before, { cache_creation_input_tokens: 9 })).toEqual({ cache_creation_input_tokens: 9 })
    expect(mergeUsage(before, { cache_creation_input_tokens: 5 })).toEqual(before)
  })
})

test("usage is conserved over writing and reading", () => {
  checkProperty(import.meta.path, arbitraryUsage, ({ usage }) => {
    const rich = { ...usage, cache_write_5m_tokens: 3, cache_write_1h_tokens: 4, web_search_count: 1 }
    expect(readUsage(writeUsage(rich))).toEqual({ usage: rich })
  })
})

test("the OpenAI golden is shown to a Messages client with the cached tokens apart (money.md)", () => {
  const usage = {
    ...NO_USAGE,
    input_tokens: 250,
    cache_read_tokens: 1000,
    output_tokens: 300,
    reasoning_tokens: 200,
  }
  expect(writeUsage(usage)).toMatchObject({
    input_tokens: 250,
    cache_read_input_tokens: 1000,
    output_tokens: 300,
  })
})
