/** How Chat upstreams count: the goldens of money.md, vendors' own members, doubtful reports. */
import { describe, expect, test } from "bun:test"
import { readUsage } from "../../../../src/gateway/protocol/openai-chat/read-usage.ts"
import { writeUsage } from "../../../../src/gateway/protocol/openai-chat/write-usage.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"

const counted = (
  input_tokens: number,
  cache_read_tokens: number,
  output_tokens: number,
  reasoning_tokens = 0,
) => ({
  usage: { ...NO_USAGE, input_tokens, cache_read_tokens, output_tokens, reasoning_tokens },
})

describe("reports", () => {
  test("the golden: input 1,250 of which cached 1,000, output 300 of which reasoning 200", () => {
    const raw = {
      prompt_tokens: 1_250,
      completion_tokens: 300,
      total_tokens: 1_550,
      prompt_tokens_details: { cached_tokens: 1_000 },
      completion_tokens_details: { reasoning_tokens: 200 },
    }
    expect(readUsage(raw)).toEqual(counted(250, 1_000, 300, 200))
    expect(writeUsage(readUsage(raw)!.usage)).toEqual(raw)
  })

  test("DeepSeek's hits are cached, and its misses complete a missing sum", () => {
    const cache = { prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 36 }
    expect(readUsage({ prompt_tokens: 100, completion_tokens: 5, ...cache })).toEqual(counted(36, 64, 5))
    expect(readUsage({ completion_tokens: 5, ...cache })).toEqual(counted(36, 64, 5))
  })

  test("OpenRouter's cache writes are apart from the fresh input", () => {
    const prompt_tokens_details = { cached_tokens: 30, cache_write_tokens: 50 }
    expect(readUsage({ prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details })).toEqual({
      usage: {
        ...NO_USAGE,
        input_tokens: 20,
        cache_read_tokens: 30,
        cache_write_5m_tokens: 50,
        output_tokens: 5,
      },
    })
  })

  test("without a completion count it is partial", () => {
    expect(readUsage({ prompt_tokens: 5 })).toMatchObject({ is_partial: true })
    expect(readUsage({ prompt_tokens: 5, completion_tokens: 0 })).not.toHaveProperty("is_partial")
  })

  test("details win over hits, and prices of vendors are not read", () => {
    const raw = { prompt_tokens: 10, completion_tokens: 1, cost: 0.5, cost_details: { upstream: 0.4 } }
    const both = { ...raw, prompt_cache_hit_tokens: 9, prompt_tokens_details: { cached_tokens: 4 } }
    expect(readUsage(both)).toEqual(counted(6, 4, 1))
    expect(readUsage(raw)).toEqual(counted(10, 0, 1))
  })

  test("cache writes are part of the input", () => {
    const usage = { ...NO_USAGE, input_tokens: 1, cache_write_5m_tokens: 2, cache_write_1h_tokens: 3 }
    expect(writeUsage(usage)).toMatchObject({ prompt_tokens: 6, total_tokens: 6 })
  })
})

test.each([[undefined], [null], [7], [[]], [{}], [{ prompt_tokens: null }]])("%j is no report", raw => {
  expect(readUsage(raw)).toBeUndefined()
})

test.each([
  [{ prompt_tokens: -1, completion_tokens: 5 }, 0, 0, 5],
  [{ prompt_tokens: 5 }, 5, 0, 0],
  [{ completion_tokens: 5 }, 0, 0, 5],
  [{ prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 9 } }, 0, 5, 1],
  [{ prompt_tokens: 5, completion_tokens: 1, completion_tokens_details: { reasoning_tokens: 9 } }, 5, 0, 1],
])("%j is doubted and read low", (raw, input, cached, output) => {
  const report = readUsage(raw)
  expect(report?.flag).toBeString()
  expect(report?.usage).toMatchObject({
    input_tokens: input,
    cache_read_tokens: cached,
    output_tokens: output,
  })
})
