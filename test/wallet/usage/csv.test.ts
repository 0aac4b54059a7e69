/** Tests of CSV: every value survives, and no cell can act as a formula. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { toCsv } from "../../../src/wallet/usage/csv.ts"
import { checkProperty } from "../../support/property.ts"

describe("CSV", () => {
  test("a header and a line a row, in the order of the columns, ended by CRLF", () => {
    const rows = [
      { b: 2, a: "x", c: true },
      { a: "y", b: null, c: false },
    ]
    expect(toCsv(rows, ["a", "b", "c"])).toBe("a,b,c\r\nx,2,true\r\ny,,false\r\n")
  })

  test("without rows there is the header", () => {
    expect(toCsv([], ["a", "b"])).toBe("a,b\r\n")
  })

  test.each([
    ["plain", "plain"],
    ["", ""],
    ["a,b", '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", '"two\nlines"'],
    ["two\r\nlines", '"two\r\nlines"'],
    ["Zoë 東京", "Zoë 東京"],
    [-1.5, "-1.5"],
    [0, "0"],
    [null, ""],
    [[], ""],
    [["one"], "one"],
    [["one", "two, three"], '"one; two, three"'],
    [["=1+1"], "'=1+1"],
  ])("the value %j is written as %j", (value, cell) => {
    expect(toCsv([{ a: value }], ["a"])).toBe(`a\r\n${cell}\r\n`)
  })

  test.each([
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", `"'\r=1"`],
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ])("text that a spreadsheet would run, %j, is written as %j", (value, cell) => {
    expect(toCsv([{ a: value }], ["a"])).toBe(`a\r\n${cell}\r\n`)
  })

  test("a column that a row lacks is empty", () => {
    expect(toCsv([{ a: 1 }], ["a", "b"])).toBe("a,b\r\n1,\r\n")
  })

  test("any texts read back as they were, by the rules of RFC 4180", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 12 }).filter(text => !/^[=+\-@\t\r]/.test(text))
    const tables = fc.array(fc.record({ a: cell, b: cell }), { maxLength: 5 })
    checkProperty(import.meta.path, tables, rows => {
      expect(readCsv(toCsv(rows, ["a", "b"])).slice(1)).toEqual(rows.map(({ a, b }) => [a, b]))
    })
  })
})

/** A reader as RFC 4180 describes it, for the test alone. */
function readCsv(text: string): string[][] {
  const rows: string[][] = []
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy
  let row: string[] = []
  for (let match = field.exec(text); match; match = field.exec(text)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "")
    if (match[3] === ",") continue
    rows.push(row)
    row = []
  }
  return rows
}
