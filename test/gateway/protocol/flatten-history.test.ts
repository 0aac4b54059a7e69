/** Past calls of every kind as function calls. */
import { describe, expect, test } from "bun:test"
import { flattenHistory, foundTools } from "../../../src/gateway/protocol/flatten-history.ts"
import type { Item } from "../../../src/gateway/protocol/model-request.ts"
import { startNaming } from "../../../src/gateway/protocol/tool-names.ts"
import { callOf, messageOf, resultOf } from "../../support/items.ts"

const flat = (...items: Item[]) => flattenHistory(items, startNaming(64))

describe("a call", () => {
  test("of a function keeps its arguments to the byte", () => {
    const call = callOf("c1", { arguments: '{"id": 9007199254740993,  "n":1.0}' })
    expect(flat(call)).toEqual([call])
  })

  test("of a freeform tool has its text as the one argument", () => {
    const text = '*** Begin Patch\n+"quoted" \\ 🜚\n'
    const [call] = flat(callOf("c1", { tool: "custom", name: "apply_patch", arguments: text }))
    expect(call).toMatchObject({ tool: "function", name: "apply_patch" })
    expect(call?.kind === "tool-call" && JSON.parse(call.arguments)).toEqual({ input: text })
  })

  test("in a namespace has the joined name and no namespace", () => {
    const [call] = flat(callOf("c1", { name: "add", namespace: "mcp__demo" }))
    expect(call).toEqual(callOf("c1", { name: "mcp__demo__add" }))
  })

  test("of a tool search is a function call", () => {
    const [call] = flat(
      callOf("c1", { tool: "tool_search", name: "tool_search", arguments: '{"query":"x"}' }),
    )
    expect(call).toEqual(callOf("c1", { name: "tool_search", arguments: '{"query":"x"}' }))
  })
})

describe("a result", () => {
  test("of a freeform tool is a function's, with its pictures and its failure", () => {
    const output = [{ kind: "image" as const, url: "data:image/png;base64,AA" }]
    const result: Item = { kind: "tool-result", tool: "custom", call_id: "c1", output, is_error: true }
    expect(flat(result)).toEqual([{ ...result, tool: "function" }])
  })

  test("of a tool search lists the tools under the names by which they can be called", () => {
    const [result] = flat({
      kind: "tool-search-result",
      call_id: "c1",
      tools: [
        {
          kind: "namespace",
          name: "mcp__demo",
          tools: [{ kind: "function", name: "add", description: "Adds.\nMore words.", is_deferred: true }],
        },
        { kind: "function", name: "silent" },
        { kind: "web_search" },
      ],
    })
    const output = "These tools can be called now:\n- mcp__demo__add: Adds.\n- silent"
    expect(result).toEqual({ kind: "tool-result", tool: "function", call_id: "c1", output })
  })

  test("of a search that found nothing says so", () => {
    const [result] = flat({ kind: "tool-search-result", call_id: "c1", tools: [] })
    expect(result).toMatchObject({ output: "No tools were found." })
  })
})

test("everything else stays as it is", () => {
  const items = [messageOf("user", "hi"), resultOf("c1"), messageOf("assistant", "ho")]
  expect(flat(...items)).toEqual(items)
})

test("found tools are those of all searches, in order", () => {
  const found = (name: string): Item => ({
    kind: "tool-search-result",
    call_id: name,
    tools: [{ kind: "function", name }],
  })
  expect(foundTools([found("b"), messageOf("user", "x"), found("a")])).toEqual([
    { kind: "function", name: "b" },
    { kind: "function", name: "a" },
  ])
})
