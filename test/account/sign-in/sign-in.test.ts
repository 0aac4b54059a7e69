/** Under which name attempts at an account are counted. */
import { expect, test } from "bun:test"
import { attemptName } from "../../../src/account/sign-in/sign-in.ts"

test("spellings of an address count together", () => {
  expect(attemptName(" Ada@Example.com", "203.0.113.9")).toBe(attemptName("ada@example.com", "203.0.113.9"))
})

test("an IPv4 network of 256 addresses counts together, the next one apart", () => {
  const nameAt = (address: string) => attemptName("ada@example.com", address)
  expect(nameAt("203.0.113.9")).toBe(nameAt("203.0.113.200"))
  expect(nameAt("203.0.113.9")).not.toBe(nameAt("203.0.114.9"))
})

test("an IPv6 network of 48 bits counts together, the next one apart", () => {
  const nameAt = (address: string) => attemptName("ada@example.com", address)
  expect(nameAt("2001:db8:1:2::3")).toBe(nameAt("2001:db8:1:ffff::1"))
  expect(nameAt("2001:db8:1::3")).not.toBe(nameAt("2001:db8:2::3"))
})

test("accounts count apart", () => {
  expect(attemptName("ada@example.com", "203.0.113.9")).not.toBe(
    attemptName("bob@example.com", "203.0.113.9"),
  )
})
