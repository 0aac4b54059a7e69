/** Names that every upstream takes, stable from turn to turn. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { chooseName, isLegalName } from "../../../src/gateway/protocol/legal-name.ts"
import { checkProperty } from "../../support/property.ts"

const free = () => false
const choose = (wish: string, limit = 64, seed = wish) => chooseName({ wish, seed, limit }, free)

test("a legal name that is free stays as it is", () => {
  expect(choose("mcp__demo__add-numbers_2")).toBe("mcp__demo__add-numbers_2")
})

describe("an alias", () => {
  test("replaces what is illegal and says which name it was by a hash", () => {
    expect(choose("a.b")).toMatch(/^a_b_[0-9a-f]{8}$/)
    expect(choose("a.b")).not.toBe(choose("a/b"))
  })

  test("keeps the beginning of a name that is too long, and the limit", () => {
    const alias = choose("x".repeat(65))
    expect(alias).toMatch(/^x{55}_[0-9a-f]{8}$/)
    expect(choose("x".repeat(64))).toBe("x".repeat(64))
  })

  test("stands for an empty name, too", () => {
    expect(isLegalName("", 64)).toBe(false)
    expect(choose("")).toMatch(/^_[0-9a-f]{8}$/)
  })

  test("is the same whenever it is asked for, and another for another seed", () => {
    expect(choose("a b", 64, "one")).toBe(choose("a b", 64, "one"))
    expect(choose("a b", 64, "one")).not.toBe(choose("a b", 64, "two"))
  })

  test("gives way to names that are taken", () => {
    const first = chooseName({ wish: "a", seed: "s", limit: 64 }, name => name === "a")
    const second = chooseName({ wish: "a", seed: "s", limit: 64 }, name => name === "a" || name === first)
    expect(new Set(["a", first, second]).size).toBe(3)
  })
})

test("any wish gives a legal name within the limit", () => {
  const wishes = fc.tuple(fc.string({ unit: "binary" }), fc.integer({ min: 10, max: 70 }))
  checkProperty(import.meta.path, wishes, ([wish, limit]) => {
    expect(isLegalName(choose(wish, limit), limit)).toBe(true)
  })
})
