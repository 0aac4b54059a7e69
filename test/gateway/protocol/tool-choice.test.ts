/** A client's choice of a tool, in the names that the upstream knows. */
import { describe, expect, test } from "bun:test"
import type { Tool, ToolChoice } from "../../../src/gateway/protocol/model-request.ts"
import { mapToolChoice } from "../../../src/gateway/protocol/tool-choice.ts"
import type { ToolIdentity } from "../../../src/gateway/protocol/tool-names.ts"

const names = new Map<string, ToolIdentity>([
  ["ns__run", { tool: "function", name: "run", namespace: "ns" }],
  ["run", { tool: "function", name: "run" }],
  ["apply_patch", { tool: "custom", name: "apply_patch" }],
  ["gone", { tool: "function", name: "gone" }],
])
const offered = ["ns__run", "run", "apply_patch"].map((name): Tool => ({ kind: "function", name }))

function mapped(choice: ToolChoice | undefined, tools = offered) {
  const notes: string[] = []
  return [mapToolChoice(choice, { tools, names, notes }), notes] as const
}

test("no choice stays none", () => {
  expect(mapped(undefined)).toEqual([undefined, []])
})

describe("a word", () => {
  test("stays as it is", () => {
    for (const word of ["auto", "none", "required"] as const) expect(mapped(word)).toEqual([word, []])
  })

  test("is left out where there are no tools, because upstreams refuse it", () => {
    for (const word of ["auto", "none", "required"] as const)
      expect(mapped(word, [])).toEqual([undefined, []])
  })
})

describe("a tool", () => {
  test("is chosen by the upstream's name", () => {
    expect(mapped({ tool: "custom", name: "apply_patch" })[0]).toEqual({
      tool: "function",
      name: "apply_patch",
    })
  })

  test("is preferred to one of the same name in a namespace", () => {
    expect(mapped({ tool: "function", name: "run" })[0]).toEqual({ tool: "function", name: "run" })
    const only = offered.slice(0, 1)
    expect(mapped({ tool: "function", name: "run" }, only)[0]).toEqual({ tool: "function", name: "ns__run" })
  })

  test("of another kind is found by its name", () => {
    expect(mapped({ tool: "function", name: "apply_patch" })[0]).toEqual({
      tool: "function",
      name: "apply_patch",
    })
  })

  test("is told from one of another kind with its name", () => {
    const both = new Map<string, ToolIdentity>([
      ["p", { tool: "custom", name: "p" }],
      ["p_1", { tool: "function", name: "p" }],
    ])
    const tools = [...both.keys()].map((name): Tool => ({ kind: "function", name }))
    const choice = mapToolChoice({ tool: "function", name: "p" }, { tools, names: both, notes: [] })
    expect(choice).toEqual({ tool: "function", name: "p_1" })
  })

  test("that kept its kind is chosen as that kind", () => {
    const tools: Tool[] = [{ kind: "custom", name: "raw" }]
    expect(mapped({ tool: "custom", name: "raw" }, tools)[0]).toEqual({ tool: "custom", name: "raw" })
  })

  test("that is not offered is no choice, visibly", () => {
    const note = "tool_choice was left out: it names a tool that is not offered"
    expect(mapped({ tool: "function", name: "gone" })).toEqual([undefined, [note]])
  })
})

test("a web search can be forced where there is one", () => {
  expect(mapped({ tool: "web_search" }, [{ kind: "web_search" }])).toEqual([{ tool: "web_search" }, []])
  expect(mapped({ tool: "web_search" })).toEqual([undefined, []])
})
