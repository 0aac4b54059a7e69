/** Whole answers of each protocol: what they amount to, and which member a client would miss. */
import { describe, expect, test } from "bun:test"
import {
  expectCall,
  readOk,
  readWholeChat,
  readWholeCompletion,
  readWholeMessage,
  readWholeResponse,
  type Whole,
} from "../../src/conformance/whole-answers.ts"
import { answerOf } from "./made-answers.ts"
import { type Said, TEXT, wholeChat, wholeCompletion, wholeMessage, wholeResponse } from "./stub-answers.ts"

type Json = Record<string, unknown>

const said = (is_call: boolean): Said => ({
  model: "m",
  is_call,
  serial: 1,
  input_tokens: 3,
  output_tokens: 2,
})

const PROTOCOLS: [string, (body: Json) => Whole, (one: Said) => Json][] = [
  ["Responses", readWholeResponse, wholeResponse],
  ["Chat", readWholeChat, wholeChat],
  ["Completions", readWholeCompletion, wholeCompletion],
  ["Messages", readWholeMessage, wholeMessage],
]

describe.each(PROTOCOLS)("%s", (name, read, write) => {
  test("says its text and its usage", () => {
    const whole = read(write(said(false)))
    expect(whole).toMatchObject({ text: TEXT, calls: [], usage: { input_tokens: 3, output_tokens: 2 } })
    expect(whole.id).not.toBe("")
  })

  test("says its call; legacy Completions have none", () => {
    const { calls } = read(write(said(true)))
    if (name === "Completions") return expect(calls).toEqual([])
    expectCall(calls)
    expect(JSON.parse(String(calls[0]?.arguments))).toEqual({ command: "ls" })
  })

  test("needs its usage, its id and its kind", () => {
    for (const key of ["usage", "id", name === "Messages" ? "type" : "object"]) {
      const { [key]: _, ...rest } = write(said(false))
      expect(() => read(rest)).toThrow("expected")
    }
  })
})

test.each<[string, (body: Json) => Whole, Json, string]>([
  [
    "Responses under way",
    readWholeResponse,
    { ...wholeResponse(said(false)), status: "queued" },
    "a finished",
  ],
  [
    "Responses without output",
    readWholeResponse,
    { ...wholeResponse(said(false)), output: null },
    "output as a list",
  ],
  [
    "text without annotations",
    readWholeResponse,
    { ...wholeResponse(said(false)), output: [{ content: [{ type: "output_text", text: "a" }] }] },
    "annotations",
  ],
  [
    "Chat with two choices",
    readWholeChat,
    { ...wholeChat(said(false)), choices: [{}, {}] },
    "choices to be 1",
  ],
  [
    "Messages without stop_reason",
    readWholeMessage,
    { ...wholeMessage(said(false)), stop_reason: null },
    "stop_reason",
  ],
  [
    "Messages that stop for no call",
    readWholeMessage,
    { ...wholeMessage(said(false)), stop_reason: "tool_use" },
    "tool_use",
  ],
  [
    "Messages with a call that end",
    readWholeMessage,
    { ...wholeMessage(said(true)), stop_reason: "end_turn" },
    "tool_use",
  ],
])("%s are wrong", (_, read, body, complaint) => {
  expect(() => read(body)).toThrow(complaint)
})

test("only a 200 with JSON is an answer", () => {
  expect(readOk(answerOf({ a: 1 }))).toEqual({ a: 1 })
  expect(() => readOk(answerOf({ a: 1 }, { status: 500 }))).toThrow("to answer 200; came 500")
  expect(() => readOk(answerOf("data: {}", { type: "text/event-stream" }))).toThrow("to answer JSON")
})

test.each([
  ["none", []],
  ["of another tool", [{ id: "c", name: "other", arguments: "{}" }]],
  ["without an id", [{ id: "", name: "shell_command", arguments: "{}" }]],
  ["with arguments as an object", [{ id: "c", name: "shell_command", arguments: {} }]],
  ["with broken arguments", [{ id: "c", name: "shell_command", arguments: '{"command":' }]],
  ["with a list as arguments", [{ id: "c", name: "shell_command", arguments: "[]" }]],
])("a call is wrong: %s", (_, calls) => {
  expect(() => expectCall(calls)).toThrow("expected")
})
