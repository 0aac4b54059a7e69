/** Remembering what was sent of a text without keeping it. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { restOf } from "../../../src/gateway/protocol/partial-arguments.ts"
import { addSent, NOTHING_SENT, restOfSent } from "../../../src/gateway/protocol/sent-text.ts"
import { checkProperty } from "../../support/property.ts"

const sentOf = (...pieces: string[]) => pieces.reduce(addSent, NOTHING_SENT)

describe("what was sent of a text", () => {
  test("is left out of the whole text", () => {
    expect(restOfSent(sentOf("Hel", "lo"), "Hello world")).toBe(" world")
  })

  test("is nothing at the start: the whole text is left", () => {
    expect(restOfSent(NOTHING_SENT, "Hello")).toBe("Hello")
  })

  test("leaves nothing of the same text, of a shorter one and of none", () => {
    expect(restOfSent(sentOf("Hello"), "Hello")).toBe("")
    expect(restOfSent(sentOf("Hello"), "Hell")).toBe("")
    expect(restOfSent(sentOf("Hello"), undefined)).toBe("")
  })

  test("leaves nothing of a text that begins otherwise: a second copy would be invented", () => {
    expect(restOfSent(sentOf("Hello"), "Hallo world")).toBe("")
    expect(restOfSent(sentOf("ab"), "ba and more")).toBe("")
  })

  test("does not depend on how it was cut, not even inside of a character", () => {
    expect(sentOf("a😀", "b")).toEqual(sentOf("a\ud83d", "\ude00b"))
  })

  test("takes no more room for a long text than for a short one", () => {
    const long = sentOf(...Array.from({ length: 1_000 }, () => "word "))
    expect(Object.keys(long)).toEqual(Object.keys(NOTHING_SENT))
    expect(long.length).toBe(5_000)
  })

  test("is the same as keeping the text", () => {
    const pieces = fc.array(fc.string({ unit: "binary", maxLength: 6 }), { maxLength: 8 })
    checkProperty(import.meta.path, fc.tuple(pieces, fc.string()), ([said, other]) => {
      const sent = said.join("")
      for (const full of [sent + other, other, sent.slice(1) + other]) {
        expect(restOfSent(sentOf(...said), full)).toBe(restOf(sent, full))
      }
    })
  })
})
