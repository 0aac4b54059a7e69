/** The seeded models: that each is whole, and that their prices are those of the lists. */
import { describe, expect, test } from "bun:test"
import { PRESETS } from "../../../src/gateway/catalog/presets.ts"
import { SEED_MODELS, type SeedModel } from "../../../src/gateway/catalog/seed-models.ts"
import { cost } from "../../../src/wallet/pricing/cost.ts"
import { NO_USAGE } from "../../../src/wallet/pricing/usage.ts"

const modelOf = (id: string): SeedModel => SEED_MODELS.find(model => model.id === id)!

/** What one million of each costs in USD: input, read, written for 5 minutes, for an hour, output. */
const LIST: [string, number, number, number, number, number][] = [
  ["gpt-5.5", 5, 0.5, 5, 5, 30],
  ["gpt-5.4", 2.5, 0.25, 2.5, 2.5, 15],
  ["gpt-5.4-mini", 0.75, 0.075, 0.75, 0.75, 4.5],
  ["gpt-5.3-codex", 1.75, 0.175, 1.75, 1.75, 14],
  ["claude-opus-4-8", 5, 0.5, 6.25, 10, 25],
  ["claude-sonnet-5", 2, 0.2, 2.5, 4, 10],
  ["claude-haiku-4-5", 1, 0.1, 1.25, 2, 5],
  ["claude-fable-5", 10, 1, 12.5, 20, 50],
  ["claude-sonnet-4-5", 3, 0.3, 3.75, 6, 15],
  ["deepseek-v4-pro", 1.32, 0.044, 1.32, 1.32, 3.96],
  ["deepseek-flash", 0.3, 0.006, 0.3, 0.3, 1.2],
]

describe("prices", () => {
  test.each(LIST)("%s", (id, input, read, write_5m, write_1h, output) => {
    const usd = [input, read, write_5m, write_1h, output]
    const { rates } = modelOf(id)
    const { input_rate, cache_read_rate, cache_write_5m_rate, cache_write_1h_rate, output_rate } = rates
    const stored = [input_rate, cache_read_rate, cache_write_5m_rate, cache_write_1h_rate, output_rate]
    expect(stored).toEqual(usd.map(amount => Math.round(amount * 1_000_000)))
    expect(stored.every(Number.isSafeInteger)).toBe(true)
    expect(cost({ ...NO_USAGE, web_search_count: 1_000 }, rates, "default")).toBe(10_000_000_000 as never)
  })

  test("of every model are in the table above", () => {
    expect(LIST.map(([id]) => id)).toEqual(SEED_MODELS.map(model => model.id))
  })

  test("give money.md's goldens", () => {
    const openai = { ...NO_USAGE, input_tokens: 250, cache_read_tokens: 1_000, output_tokens: 300 }
    expect(cost(openai, modelOf("gpt-5.5").rates, "default")).toBe(10_750_000 as never)
    const anthropic = { ...NO_USAGE, input_tokens: 3, cache_write_5m_tokens: 12_304, output_tokens: 550 }
    expect(cost(anthropic, modelOf("claude-sonnet-4-5").rates, "default")).toBe(54_399_000 as never)
    const cached = { ...NO_USAGE, cache_read_tokens: 7 }
    expect(cost(cached, modelOf("gpt-5.4-mini").rates, "default")).toBe(525 as never)
  })

  test.each([
    ["gpt-5.5", "priority", 12_500_000],
    ["gpt-5.5", "flex", 2_500_000],
    ["gpt-5.4", "priority", 5_000_000],
    ["gpt-5.4-mini", "priority", 1_500_000],
    ["gpt-5.3-codex", "priority", 3_500_000],
    ["claude-opus-4-8", "priority", 5_000_000],
    ["deepseek-flash", "flex", 300_000],
  ])("%s at %s takes %d micro-USD for a million of input", (id, tier, micros) => {
    const usage = { ...NO_USAGE, input_tokens: 1_000_000 }
    expect(cost(usage, modelOf(id).rates, tier)).toBe((micros * 1_000) as never)
  })

  test("name their list and its date", () => {
    for (const { source } of SEED_MODELS) expect(source).toMatch(/public list, \S+\/\S+, 2026-\d\d/)
  })
})

describe("every model", () => {
  test("has limits, efforts, and is served by somebody", () => {
    for (const model of SEED_MODELS) {
      expect(model.context_window_tokens).toBeGreaterThanOrEqual(200_000)
      expect(model.max_output_tokens).toBeLessThan(model.context_window_tokens)
      expect(model.input_modalities).toContain("text")
      expect(Object.keys(model.names)).not.toBeEmpty()
    }
  })

  test("has the effort words that it takes; Claude's small ones take none (claude-code-wire 5)", () => {
    const without = SEED_MODELS.filter(model => model.reasoning_efforts.length === 0)
    expect(without.map(model => model.id)).toEqual(["claude-haiku-4-5", "claude-sonnet-4-5"])
    for (const { reasoning_efforts: efforts } of SEED_MODELS)
      if (efforts.length > 0) expect(efforts.slice(0, 3)).toEqual(["low", "medium", "high"])
  })

  test("has a budget model that is seeded, of its maker, and cheaper in every way", () => {
    for (const { budget_model_id, owned_by, rates } of SEED_MODELS) {
      if (budget_model_id === undefined) continue
      const cheaper = modelOf(budget_model_id)
      expect(cheaper.owned_by).toBe(owned_by)
      expect(cheaper.rates.input_rate).toBeLessThan(rates.input_rate)
      expect(cheaper.rates.output_rate).toBeLessThan(rates.output_rate)
    }
  })

  test("has names of its own: no alias belongs to two or is a model", () => {
    const names = SEED_MODELS.flatMap(model => [model.id, ...model.aliases])
    expect(new Set(names).size).toBe(names.length)
  })

  test("that Claude Code asks for by default is there (claude-code-wire 5)", () => {
    const asked = ["claude-opus-4-8", "claude-sonnet-5", "claude-fable-5", "claude-sonnet-4-5"]
    expect(asked.filter(id => !modelOf(id))).toEqual([])
  })

  test("goes to its maker under its own name, to OpenRouter under one with the maker's", () => {
    expect(PRESETS.anthropic.models["claude-haiku-4-5"]).toBe("claude-haiku-4-5")
    expect(PRESETS.openrouter.models).toMatchObject({
      "gpt-5.5": "openai/gpt-5.5",
      "claude-haiku-4-5": "anthropic/claude-haiku-4.5",
      "deepseek-v4-pro": "deepseek/deepseek-v4-pro",
    })
    expect(PRESETS.deepseek.models).toEqual({
      "deepseek-v4-pro": "deepseek-v4-pro",
      "deepseek-flash": "deepseek-flash",
    })
  })
})
