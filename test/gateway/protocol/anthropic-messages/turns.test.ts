/** Turns are made legal without losing a word: order, answered calls, a user first and last. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { orderTurns } from "../../../../src/gateway/protocol/anthropic-messages/turns.ts"
import type { WireBlock, WireTurn } from "../../../../src/gateway/protocol/anthropic-messages/wire.ts"
import { checkProperty } from "../../../support/property.ts"

const text = (words: string): WireBlock => ({ type: "text", text: words })
const call = (id: string): WireBlock => ({ type: "tool_use", id, name: "f", input: {} })
const result = (id: string): WireBlock => ({ type: "tool_result", tool_use_id: id, content: `of ${id}` })
const thought = (signature: string): WireBlock => ({ type: "thinking", thinking: "t", signature })
const user = (...content: WireBlock[]): WireTurn => ({ role: "user", content })
const step = (...content: WireBlock[]): WireTurn => ({ role: "assistant", content })

describe("order", () => {
  test("a legal history stays as it is", () => {
    const turns = [
      user(text("a")),
      step(thought("1"), text("b"), call("x"), call("y")),
      user(result("x"), result("y"), text("c")),
    ]
    expect(orderTurns(turns)).toEqual(turns)
  })

  test("thinking that comes after text moves to the front, when the step did not begin with it", () => {
    const turns = orderTurns([user(text("a")), step(text("b"), thought("1"), call("x")), user(result("x"))])
    expect(turns[1]).toEqual(step(thought("1"), text("b"), call("x")))
  })

  test("text after a call stands before it, results stand before the user's words", () => {
    const turns = orderTurns([user(text("a")), step(call("x"), text("b")), user(text("c"), result("x"))])
    expect(turns.slice(1)).toEqual([step(text("b"), call("x")), user(result("x"), text("c"))])
  })
})

describe("gaps", () => {
  test("a call that nobody answered gets a result that says so", () => {
    const turns = orderTurns([user(text("a")), step(call("x"), call("y")), user(result("y"))])
    expect(turns[2]?.content).toMatchObject([{ tool_use_id: "x", is_error: true }, { tool_use_id: "y" }])
  })

  test("calls at the very end are answered, not continued", () => {
    const turns = orderTurns([user(text("a")), step(call("x"))])
    expect(turns[2]?.content).toMatchObject([{ type: "tool_result", tool_use_id: "x" }])
  })

  test("a result without its call keeps its words as text, its images too", () => {
    const image = { type: "image" as const, source: { type: "url" as const, url: "u" } }
    const rich: WireBlock = { type: "tool_result", tool_use_id: "z", content: [image] }
    expect(orderTurns([user(result("x"), rich)])[0]?.content).toEqual([
      text("Result of the tool call x:\nof x"),
      text("Result of the tool call z:"),
      image,
    ])
  })

  test("a second result of the same call becomes text, a second call of the same id is dropped", () => {
    const turns = orderTurns([user(text("a")), step(call("x"), call("x")), user(result("x"), result("x"))])
    expect(turns[1]?.content).toEqual([call("x")])
    expect(turns[2]?.content.map(({ type }) => type)).toEqual(["tool_result", "text"])
  })

  test("no turn at all becomes one of the user", () => {
    expect(orderTurns([]).map(({ role }) => role)).toEqual(["user"])
  })
})

test("whatever comes, each call is answered at once and no text is lost", () => {
  const id = fc.constantFrom("x", "y", "z")
  const words = fc.string({ minLength: 1 }).map(text)
  const asked = fc.array(fc.oneof(words, id.map(result)), { minLength: 1, maxLength: 4 })
  const said = fc.array(fc.oneof(words, id.map(call), id.map(thought)), { minLength: 1, maxLength: 5 })
  const turns = fc.array(fc.tuple(said, asked), { maxLength: 4 })
  checkProperty(import.meta.path, turns, pairs => {
    const given = pairs.flatMap(([one, two]) => [step(...one), user(...two)])
    const made = orderTurns(given)
    const wordsOf = (list: readonly WireTurn[]) =>
      list.flatMap(({ content }) =>
        content.filter(({ type }) => type === "text").map(block => JSON.stringify(block)),
      )
    for (const each of wordsOf(given)) expect(wordsOf(made)).toContain(each)
    for (const [place, turn] of made.entries()) {
      if (turn.role === "assistant") continue
      const calls = made[place - 1]?.content.filter(({ type }) => type === "tool_use") ?? []
      const results = turn.content.slice(0, calls.length)
      expect(results.map(block => (block as { tool_use_id: string }).tool_use_id)).toEqual(
        calls.map(block => (block as { id: string }).id),
      )
    }
  })
})
