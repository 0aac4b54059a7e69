/** How words become a checked call, and how output looks on a terminal. */
import { describe, expect, test } from "bun:test"
import { type Command, integerOf, readValues, render, UsageError, usageOf } from "../../src/admin/command.ts"

const command: Command = {
  name: "thing add",
  summary: "Add a thing",
  options: { id: "name", "base-url?": "address", "force!": "" },
  run: async () => ({}),
}

const USAGE = "usage: codexapi admin thing add --id <name> [--base-url <address>] [--force] [--json]"

describe("words", () => {
  test("become values by name; what was not given is absent", () => {
    expect(readValues(command, ["--id", "a"])).toEqual({ id: "a" })
    expect(readValues(command, ["--base-url=http://x", "--id=a", "--force"])).toEqual({
      id: "a",
      "base-url": "http://x",
      force: "true",
    })
  })

  test("a value may begin with a dash when it stands after =", () => {
    expect(readValues(command, ["--id=-1"])).toEqual({ id: "-1" })
  })

  test.each([
    ["a missing option", [], "missing: --id"],
    ["an unknown option", ["--id", "a", "--colour", "red"], "Unknown option '--colour'"],
    ["a word without an option", ["--id", "a", "b"], "Unexpected argument 'b'"],
    ["an option without its value", ["--id"], "'--id <value>' argument missing"],
    ["a flag with a value", ["--id", "a", "--force=yes"], "'--force' does not take an argument"],
  ])("%s is a usage error that shows the usage", (_, words, message) => {
    const read = () => readValues(command, words)
    expect(read).toThrow(UsageError)
    expect(read).toThrow(message)
    expect(read).toThrow(USAGE)
  })

  test("the usage shows what is needed, what is optional and what is a flag", () => {
    expect(usageOf(command)).toBe(USAGE)
  })
})

describe("a whole number option", () => {
  test("is read, or is its fallback", () => {
    expect(integerOf({ limit: "12" }, "limit")).toBe(12)
    expect(integerOf({}, "limit", 50)).toBe(50)
  })

  test.each(["1.5", "-1", "1e3", "", "many", "1234567890123456"])("%p is refused", raw => {
    expect(() => integerOf({ limit: raw }, "limit", 50)).toThrow(UsageError)
  })

  test("is refused when it is needed and missing", () => {
    expect(() => integerOf({}, "limit")).toThrow("--limit must be a whole number")
  })
})

describe("output", () => {
  test("a record is a line for each member, aligned", () => {
    expect(render({ id: "cus_1", balanceUsd: "1.00", none: null, list: ["a"] })).toBe(
      ["id          cus_1", "balanceUsd  1.00", "none        -", 'list        ["a"]'].join("\n"),
    )
  })

  test("a list is a table without blanks at the ends of its lines", () => {
    const rows = [
      { id: "gpt-5.5", isServed: true, upstreams: "openai, other" },
      { id: "x", isServed: false, upstreams: "" },
    ]
    expect(render(rows)).toBe(
      ["id       isServed  upstreams", "gpt-5.5  true      openai, other", "x        false"].join("\n"),
    )
  })

  test("an empty list says so", () => {
    expect(render([])).toBe("(none)")
  })
})
