/** Log lines: one JSON object each, from the configured level on. */
import { expect, test } from "bun:test"
import { createLog, describeError, type LogLevel } from "../../src/platform/log.ts"

const LEVELS: LogLevel[] = ["debug", "info", "warn", "error"]

function writtenAt(level: LogLevel): string[] {
  const lines: string[] = []
  const log = createLog(level, line => lines.push(line))
  for (const name of LEVELS) log[name](`a ${name}`)
  return lines.map(line => JSON.parse(line).level)
}

test.each([
  ["debug", ["debug", "info", "warn", "error"]],
  ["info", ["info", "warn", "error"]],
  ["warn", ["warn", "error"]],
  ["error", ["error"]],
] as const)("at level %s only what is as grave is written", (level, written) => {
  expect(writtenAt(level)).toEqual([...written])
})

test("a line is one JSON object with its fields, also when they contain line breaks", () => {
  const lines: string[] = []
  createLog("info", line => lines.push(line)).warn("one\ntwo", { request_id: "req_1" })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^[^\n]*\n$/)
  expect(JSON.parse(lines[0]!)).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    level: "warn",
    message: "one\ntwo",
    request_id: "req_1",
  })
})

test("an error is described by its message and its stack, anything else by its text", () => {
  const error = new RangeError("too big")
  expect(describeError(error)).toEqual({ error: "too big", stack: error.stack! })
  expect(describeError("a string")).toEqual({ error: "a string" })
})
