/** The one string of a call's arguments, decoded while it arrives. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { startTextField } from "../../../src/gateway/protocol/json-text-field.ts"
import { arbitraryArguments, arbitraryCut, arbitraryText } from "../../support/arbitrary-model.ts"
import { checkProperty } from "../../support/property.ts"

/** What comes out, piece by piece; the last entry is what the end adds. */
function decode(pieces: readonly string[], is_cut = false): string[] {
  const field = startTextField("input")
  return [...pieces.map(field.push), field.end(is_cut)]
}
const whole = (...pieces: string[]) => decode(pieces).join("")

const patch = '*** Begin Patch\n+"q" \\ \t/ \b\f\r é 🜚 \u2028 9007199254740993\u0000'

describe("the text", () => {
  test("comes as soon as it is known", () => {
    expect(decode(['{"in', 'put": "He', "llo", " wor", 'ld"}'])).toEqual(["", "He", "llo", " wor", "ld", ""])
  })

  test("comes as soon behind any white space", () => {
    expect(decode([" \n{ ", '\t"input" ', ":\r", '"a', 'b" }'])).toEqual(["", "", "", "a", "b", ""])
  })

  test("is the same whatever escapes were used", () => {
    const escaped = patch.replace(/[\s\S]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
    expect(whole(`{"input":"${escaped}"}`)).toBe(patch)
    expect(whole('{"input":"\\/\\u00E9\\ud83d\\uDE00"}')).toBe("/é😀")
  })

  test("survives a split at every place, between surrogates too", () => {
    for (const json of [
      JSON.stringify({ input: patch }),
      ` {\n "input"\t:\r "\\ud83d\\udE00\\u00e9\\\\\\"🜚" } `,
    ]) {
      const { input } = JSON.parse(json)
      for (let at = 0; at <= json.length; at++) expect(whole(json.slice(0, at), json.slice(at))).toBe(input)
      expect(whole(...json.split(""))).toBe(input)
    }
  })

  test("never ends in half a surrogate pair on its way", () => {
    const pieces = decode('{"input":"\\ud83d\\ude00🜚\\ud83dx"}'.split(""))
    for (const piece of pieces) expect(piece).not.toMatch(/[\ud800-\udbff]$/)
    expect(pieces.join("")).toBe("😀🜚\ud83dx")
  })

  test("keeps half a pair that the model wrote", () => {
    expect(whole('{"input":"a\\ud83d"}')).toBe("a\ud83d")
    expect(whole('{"input":"\\ude00\\ud83d\\n"}')).toBe("\ude00\ud83d\n")
  })

  test("may be empty", () => {
    expect(whole('{"input":""}')).toBe("")
  })

  test("keeps what is no JSON inside it", () => {
    expect(whole('{"input":"a\nb\\x \\u12g4 c"}')).toBe("a\nb\\x \\u12g4 c")
  })

  test("is not followed by other members", () => {
    expect(whole('{"input":"a", "why": "b"}')).toBe("a")
  })

  test("goes on behind a quote that was not escaped", () => {
    expect(whole('{"input":"say "hi"', ' now"}')).toBe('say "hi" now"}')
  })
})

describe("something else", () => {
  test.each(["just text", '"text"', '["a"]', '{"input": 9007199254740993}', '{"patch":"x"}', "{", '{"inp'])(
    "%s is given whole and verbatim at the end",
    written => {
      expect(decode(written.split("")).slice(0, -1).join("")).toBe("")
      expect(whole(written)).toBe(written)
    },
  )

  test("that holds the text behind other members gives the text", () => {
    expect(whole('{"why":"b", "input":"a"}')).toBe("a")
    expect(whole('{"\\u0069nput":"a"}')).toBe("a")
  })

  test("that is no argument at all is no text", () => {
    expect(whole("{}")).toBe("")
    expect(whole("")).toBe("")
    expect(whole("{ }")).toBe("")
  })
})

describe("a call that was cut", () => {
  test("keeps what had come", () => {
    expect(decode(['{"input":"abc'], true)).toEqual(["abc", ""])
    expect(decode(['{"input":"abc\\u00'], true)).toEqual(["abc", ""])
    expect(decode(['{"input":"abc", "w'], true)).toEqual(["abc", ""])
  })

  test("is no text before the text began", () => {
    expect(decode(['{"inp'], true)).toEqual(["", ""])
  })

  test("that nobody says was cut keeps its last letters", () => {
    expect(whole('{"input":"abc\\u00')).toBe("abc\\u00")
  })
})

describe("for any text", () => {
  const escapes = fc.constantFrom("\\", '"', "\n", "\ud83d", "\ude00", "😀", "\u2028", "9007199254740993")
  const text = fc.array(fc.oneof(arbitraryText, escapes), { maxLength: 6 }).map(parts => parts.join(""))

  test("any split of its JSON gives it back", () => {
    const cut = text.chain(value =>
      arbitraryCut(JSON.stringify({ input: value })).map(pieces => [value, pieces] as const),
    )
    checkProperty(import.meta.path, cut, ([value, pieces]) => expect(whole(...pieces)).toBe(value))
  })

  test("any split of anything gives the same", () => {
    const anything = fc.oneof(
      arbitraryArguments,
      arbitraryArguments.map(rest => `{"input":"${rest}`),
      text.map(value => `{"input":"${value}"}`),
    )
    const cut = anything.chain(json => arbitraryCut(json).map(pieces => [json, pieces] as const))
    checkProperty(import.meta.path, cut, ([json, pieces]) => expect(whole(...pieces)).toBe(whole(json)))
  })
})

test("a long text takes time in proportion to its length", () => {
  const field = startTextField("input")
  const pieces = ['{"input":"', ...Array.from({ length: 200_000 }, () => "ab\\n"), '"}']
  const started = performance.now()
  let length = 0
  for (const piece of pieces) length += field.push(piece).length
  expect(length + field.end(false).length).toBe(600_000)
  expect(performance.now() - started).toBeLessThan(2_000)
})
