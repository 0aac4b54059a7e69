/** Tokens: their shape, and that a typo is noticed before anything is looked up. */
import { describe, expect, test } from "bun:test"
import { createToken, hintOf, isWellFormedToken } from "../../src/auth/tokens.ts"
import { systemRandom } from "../../src/platform/ids.ts"
import { createTestRandom } from "../support/random.ts"

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

test.each([
  ["system", "cxs_"],
  ["user", "cxk_"],
  ["admin", "cxa_"],
] as const)("a token of kind %s begins with %s and has 39 characters of base 32", (kind, prefix) => {
  const token = createToken(kind, createTestRandom())
  expect(token).toStartWith(prefix)
  expect(token).toMatch(/^cx[ska]_[0-9a-hjkmnp-tv-z]{39}$/)
  expect(isWellFormedToken(token)).toBe(true)
})

test("160 random bits stand in a token: every one of its 32 characters after the prefix varies", () => {
  const tokens = Array.from({ length: 200 }, () => createToken("user", systemRandom))
  for (let at = 4; at < 36; at++) expect(new Set(tokens.map(token => token[at])).size).toBeGreaterThan(20)
  expect(new Set(tokens).size).toBe(200)
})

test("every single wrong character is noticed", () => {
  const token = createToken("user", createTestRandom())
  for (let at = 4; at < token.length; at++) {
    for (const wrong of ALPHABET.replace(token[at]!, "")) {
      expect(isWellFormedToken(token.slice(0, at) + wrong + token.slice(at + 1))).toBe(false)
    }
  }
})

test("two neighbours that changed places are noticed", () => {
  const token = createToken("system", createTestRandom())
  for (let at = 4; at < token.length - 1; at++) {
    const [a, b] = [token[at]!, token[at + 1]!]
    if (a === b) continue
    expect(isWellFormedToken(token.slice(0, at) + b + a + token.slice(at + 2))).toBe(false)
  }
})

test("a token with another kind's prefix is none", () => {
  const token = createToken("user", createTestRandom())
  expect(isWellFormedToken(`cxa_${token.slice(4)}`)).toBe(false)
})

describe("what is no token of ours is refused:", () => {
  const token = createToken("user", createTestRandom())
  const others = {
    nothing: "",
    "another vendor's key": "sk-ant-REDACTED",
    "upper case": token.toUpperCase(),
    "one character less": token.slice(0, -1),
    "one character more": `${token}0`,
    "a line break after it": `${token}\n`,
    "a blank before it": ` ${token}`,
    "an unknown kind": `cxz_${token.slice(4)}`,
  }
  test.each(Object.entries(others))("%s", (_, text) => {
    expect(isWellFormedToken(text)).toBe(false)
  })
})

test("a hint shows the prefix and the last four characters", () => {
  const token = createToken("user", createTestRandom())
  expect(hintOf(token)).toBe(`cxk_…${token.slice(-4)}`)
})

test("of something short that was sent as a key nothing is shown", () => {
  expect(hintOf("hunter2")).toBe("…")
  expect(hintOf("")).toBe("…")
})
