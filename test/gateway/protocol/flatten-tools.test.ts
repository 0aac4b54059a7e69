/** Tools that only Responses knows, as functions. */
import { describe, expect, test } from "bun:test"
import { flattenTools, minimalTool, uniqueTools } from "../../../src/gateway/protocol/flatten-tools.ts"
import { startAt } from "../../../src/gateway/protocol/json-at.ts"
import type { FunctionTool, Tool } from "../../../src/gateway/protocol/model-request.ts"
import { readTool } from "../../../src/gateway/protocol/openai-responses/read-tools.ts"
import { startNaming } from "../../../src/gateway/protocol/tool-names.ts"
import { loadRequest } from "../../support/responses-fixtures.ts"

const flat = (...tools: Tool[]) => flattenTools(tools, startNaming(64)) as FunctionTool[]

test("a function stays as it is", () => {
  const tool: Tool = { kind: "function", name: "run", parameters: { type: "object" }, is_strict: true }
  expect(flat(tool)).toEqual([tool])
})

describe("a freeform tool", () => {
  const [patch] = flat({
    kind: "custom",
    name: "apply_patch",
    description: "Edits files. Do not wrap the patch in JSON.",
    grammar: { syntax: "lark", definition: "start: patch" },
  })

  test("is a function with one string", () => {
    expect(patch).toMatchObject({ kind: "function", name: "apply_patch" })
    expect(patch?.parameters).toEqual({
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    })
  })

  test("has its grammar in the description, and last how it is called", () => {
    expect(patch?.description?.split("\n\n")).toEqual([
      "Edits files. Do not wrap the patch in JSON.",
      "The text must match this lark grammar:\nstart: patch",
      "Call it with one argument, `input`: the whole text, as a JSON string.",
    ])
  })

  test("without description and grammar only says how it is called", () => {
    expect(flat({ kind: "custom", name: "x" })[0]?.description).toMatch(/^Call it with one argument/)
  })
})

describe("a namespace", () => {
  test("is its functions under joined names", () => {
    const body = loadRequest("12-mcp-followup.request.json")
    const namespace = readTool(startAt(body.tools.find(tool => tool.name === "mcp__demo")))
    const tools = flat(namespace)
    expect(tools.map(tool => tool.name)).toContain("mcp__demo__add_numbers")
    expect(tools.every(tool => tool.kind === "function")).toBe(true)
  })

  test("may hold freeform tools", () => {
    const naming = startNaming(64)
    flattenTools([{ kind: "namespace", name: "ns", tools: [{ kind: "custom", name: "raw" }] }], naming)
    expect(naming.names.get("ns__raw")).toEqual({ tool: "custom", name: "raw", namespace: "ns" })
  })
})

describe("a tool search", () => {
  test("is the function tool_search with the client's own parameters", () => {
    const parameters = { type: "object", properties: { query: { type: "string" } } }
    const tool: Tool = { kind: "tool_search", description: "Finds tools.", parameters }
    expect(flat(tool)).toEqual([
      { kind: "function", name: "tool_search", description: "Finds tools.", parameters },
    ])
  })

  test("has parameters even if the client said none", () => {
    expect(flat({ kind: "tool_search" })[0]?.parameters).toMatchObject({ required: ["query"] })
  })
})

test("hosted tools stay in their place", () => {
  const raw: Tool = { kind: "raw", protocol: "anthropic-messages", raw: { type: "computer" } }
  const search: Tool = { kind: "web_search", max_uses: 2 }
  expect(flattenTools([search, raw], startNaming(64))).toEqual([search, raw])
})

test("a tool that is there twice keeps its first definition", () => {
  const tools: Tool[] = [
    { kind: "function", name: "a", description: "first" },
    { kind: "web_search" },
    { kind: "web_search" },
    { kind: "function", name: "a", description: "second" },
  ]
  expect(uniqueTools(tools)).toEqual(tools.slice(0, 3))
  expect(flat(...tools)).toHaveLength(3)
})

describe("the least definition", () => {
  test("of a function is an object schema with properties", () => {
    const tool = minimalTool({ tool: "function", name: "run" }, "run_1")
    expect(tool).toEqual({ kind: "function", name: "run_1", parameters: { type: "object", properties: {} } })
  })

  test("of other kinds has their one argument", () => {
    const required = (tool: "custom" | "tool_search") =>
      minimalTool({ tool, name: "x" }, "x").parameters?.required
    expect(required("custom")).toEqual(["input"])
    expect(required("tool_search")).toEqual(["query"])
  })
})
