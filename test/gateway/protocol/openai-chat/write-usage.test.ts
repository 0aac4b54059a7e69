/** Counters of a Chat answer and of a text completion. */
import { expect, test } from "bun:test"
import { writeUsage } from "../../../../src/gateway/protocol/openai-chat/write-usage.ts"
import { arbitraryUsage } from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"

test("the prompt counts what came from and went to the cache", () => {
  const usage = {
    input_tokens: 1,
    cache_read_tokens: 20,
    cache_write_5m_tokens: 300,
    cache_write_1h_tokens: 4000,
    output_tokens: 50_000,
    reasoning_tokens: 7,
    web_search_count: 9,
  }
  expect(writeUsage(usage)).toEqual({
    prompt_tokens: 4321,
    completion_tokens: 50_000,
    total_tokens: 54_321,
    prompt_tokens_details: { cached_tokens: 20 },
    completion_tokens_details: { reasoning_tokens: 7 },
  })
})

test("any counters are conserved", () => {
  checkProperty(import.meta.path, arbitraryUsage, ({ usage }) => {
    const wire = writeUsage(usage)
    expect(wire.prompt_tokens).toBe(usage.input_tokens + usage.cache_read_tokens)
    expect(wire.total_tokens).toBe(wire.prompt_tokens + usage.output_tokens)
  })
})
