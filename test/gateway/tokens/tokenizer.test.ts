/** Counting the tokens of a text: exact with the public vocabulary, never too low without. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { counterFor, countO200k, estimateText } from "../../../src/gateway/tokens/tokenizer.ts"
import { checkPropertyAsync } from "../../support/property.ts"

test("known texts have the tokens that OpenAI counts", async () => {
  // tiktoken, o200k_base: "hello world" is [24912, 2375].
  expect(await countO200k("hello world")).toBe(2)
  expect(await countO200k("")).toBe(0)
  expect(await countO200k("antidisestablishmentarianism")).toBe(6)
})

test("words that control a model are text like any other", async () => {
  expect(await countO200k("<|endoftext|>")).toBeGreaterThan(1)
})

test("long texts are counted in pieces, with at most a token more for each", async () => {
  const text = "The quick brown fox jumps over the lazy dog.\n".repeat(5_000)
  const { countTokens } = await import("gpt-tokenizer/encoding/o200k_base")
  const exact = countTokens(text)
  const counted = await countO200k(text)
  expect(counted).toBeGreaterThanOrEqual(exact)
  expect(counted).toBeLessThanOrEqual(exact + Math.ceil(text.length / 1_900))
})

test("a megabyte without a space takes no longer than pieces of it, and others get their turn", async () => {
  let turns = 0
  let is_counting = true
  const takeTurn = (): void => {
    turns += 1
    if (is_counting) setImmediate(takeTurn)
  }
  setImmediate(takeTurn)
  const counted = await countO200k("a".repeat(1_000_000))
  is_counting = false
  expect(counted).toBe(125_000)
  expect(turns).toBeGreaterThan(5)
})

test("the estimate is a third of the bytes, which no English text or code reaches", async () => {
  expect(await estimateText("abcdefg")).toBe(3)
  expect(await estimateText("日本語")).toBe(3)
  const words = fc.array(fc.constantFrom("function", "return", "the", "value", "of", "=>", "const", "user"), {
    minLength: 5,
  })
  await checkPropertyAsync(import.meta.path, words, async list => {
    const text = list.join(" ")
    expect(await estimateText(text)).toBeGreaterThanOrEqual((await countO200k(text)) - 1)
  })
})

test.each([
  ["gpt-5.5", true],
  ["gpt-4o-mini", true],
  ["gpt-4.1", true],
  ["o3", true],
  ["o4-mini", true],
  ["codex-mini-latest", true],
  ["gpt-oss-120b", true],
  ["openai/gpt-5", true],
  ["gpt-4-turbo", false],
  ["claude-opus-4-8", false],
  ["deepseek-chat", false],
  ["anything", false],
])("%s is counted with the public vocabulary: %p", (model, is_public) => {
  expect(counterFor(model)).toBe(is_public ? countO200k : estimateText)
})
