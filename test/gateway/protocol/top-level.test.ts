/** Changing one value of a JSON text: found as every parser finds it, and nothing else touched. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  findAmbiguousKey,
  keepMembers,
  scanTopLevel,
  spliceValue,
} from "../../../src/gateway/protocol/top-level.ts"
import { arbitraryText } from "../../support/arbitrary-model.ts"
import { checkProperty } from "../../support/property.ts"

const valuesOf = (text: string) =>
  scanTopLevel(text).map(({ key, start, end }) => [key, text.slice(start, end)])

describe("scanning", () => {
  test.each([
    ["{}", []],
    ["  { }  ", []],
    ['{"a":1}', [["a", "1"]]],
    [
      '{ "a" : [1,{"b":2}] ,\n"c":"}{,"}',
      [
        ["a", '[1,{"b":2}]'],
        ["c", '"}{,"'],
      ],
    ],
    [
      '{"a":"\\"","b":"\\\\","c":null}',
      [
        ["a", '"\\""'],
        ["b", '"\\\\"'],
        ["c", "null"],
      ],
    ],
    [
      '{"a":{"b":"]}\\"}"},"c":-1.5e3 }',
      [
        ["a", '{"b":"]}\\"}"}'],
        ["c", "-1.5e3"],
      ],
    ],
    ['{"\\u006dodel":"x"}', [["model", '"x"']]],
    ['{"":""}', [["", '""']]],
    ['\ufeff{"a":1}', [["a", "1"]]],
  ] as [string, string[][]][])("%j", (text, members) => {
    expect(valuesOf(text)).toEqual(members)
  })

  test("finds exactly what JSON.parse finds, in any spelling", () => {
    const spaced = fc.tuple(fc.json({ maxDepth: 3 }), fc.constantFrom(0, 1, "\t"))
    const object = fc.dictionary(arbitraryText, spaced, { maxKeys: 6 })
    checkProperty(import.meta.path, object, members => {
      const entries = Object.entries(members).map(([key, [json, indent]]) => [
        key,
        JSON.stringify(JSON.parse(json), null, indent),
      ])
      const text = `{${entries.map(([key, json]) => `\n ${JSON.stringify(key)} : ${json} `).join(",")}}`
      expect(valuesOf(text)).toEqual(entries as string[][])
    })
  })

  test("takes long texts in a moment: strings are skipped, not walked", () => {
    const text = JSON.stringify({ input: "x\\".repeat(5_000_000), model: "gpt" })
    expect(valuesOf(text).at(-1)).toEqual(["model", '"gpt"'])
  })
})

describe("a key that stands twice", () => {
  test.each([
    ['{"model":"a","model":"b"}', "model"],
    ['{"model":"a","\\u006d\\u006fdel":"b"}', "model"],
    ['{"a":1,"b":2,"a":1}', "a"],
    ['{"a":{"b":1},"b":2}', undefined],
    ["{}", undefined],
    ['{"constructor":1,"toString":2}', undefined],
  ])("%j", (text, key) => {
    expect(findAmbiguousKey(scanTopLevel(text), [])).toBe(key)
  })
})

describe("splicing", () => {
  const splice = (text: string, key: string, value: unknown) =>
    spliceValue(text, scanTopLevel(text).find(member => member.key === key)!, value)

  test("changes the value and no other character", () => {
    const text = '{ "big":12345678901234567890,\n "model" :  "a" , "n": 1.0, "u": "\\u00e9é" }'
    expect(splice(text, "model", "openai/b")).toBe(text.replace('"a"', '"openai/b"'))
  })

  test("escapes what needs it", () => {
    expect(splice('{"model":"a"}', "model", 'b"\\\n')).toBe('{"model":"b\\"\\\\\\n"}')
  })

  test("gives what a parser reads as the same object with that value", () => {
    const values = fc.tuple(fc.dictionary(arbitraryText, fc.json({ maxDepth: 2 })), arbitraryText)
    checkProperty(import.meta.path, values, ([others, name]) => {
      const text = JSON.stringify({ ...others, model: "a", last: others })
      expect(JSON.parse(splice(text, "model", name))).toEqual({ ...JSON.parse(text), model: name })
    })
  })
})

describe("keeping members", () => {
  test.each([
    ['{"a":1,"b":2,"c":3}', "a", '{"b":2,"c":3}'],
    ['{"a":1,"b":2,"c":3}', "c", '{"a":1,"b":2}'],
    ['{ "a" : 1 ,\n"b":2 }', "a", '{\n"b":2 }'],
    ['{ "a" : 1 ,\n"b":2 }', "b", '{ "a" : 1 }'],
    ['{"a":{"b":"}"}}', "a", "{}"],
    ["{ }", "a", "{ }"],
    ['{"\u0061":1,"b":12345678901234567890}', "a", '{"b":12345678901234567890}'],
  ])("%p without %p is %p", (text, gone, kept) => {
    expect(keepMembers(text, key => key !== gone)).toBe(kept)
  })

  test("changes no character of what is kept, and loses nothing else", () => {
    const space = fc.constantFrom("", " ", "\n", "\t ")
    const member = fc.tuple(fc.json({ maxDepth: 2 }), space, space, fc.boolean())
    checkProperty(import.meta.path, fc.dictionary(arbitraryText, member, { maxKeys: 6 }), members => {
      const write = ([key, [json, before, after]]: [string, [string, string, string, boolean]]) =>
        `${before}${JSON.stringify(key)}${after}:${before}${json}`
      const entries = Object.entries(members)
      const text = `{${entries.map(write).join(",")} }`
      const kept = entries.filter(([, [, , , is_kept]]) => is_kept)
      expect(keepMembers(text, key => members[key]![3])).toBe(`{${kept.map(write).join(",")} }`)
    })
  })
})

describe("an ambiguous key", () => {
  const find = (text: string) => findAmbiguousKey(scanTopLevel(text), ["model"])

  test.each([
    ['{"model":"a","Model":"b"}', "Model"],
    ['{"Model":"b"}', "Model"],
    ['{"INPUT":1,"input":2}', "input"],
    ['{"model":"a","input":"b"}', undefined],
    ['{"Other":1,"model":"a"}', undefined],
  ] as const)("of %s is %p: some parsers do not tell capitals apart", (text, key) => {
    expect(find(text)).toBe(key as string)
  })

  test("is whatever comes after more keys than any request has: scanning stops there", () => {
    const text = `{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":1`).join(",")}}`
    expect(scanTopLevel(text)).toHaveLength(257)
    expect(find(text)).toBe("k256")
  })
})
