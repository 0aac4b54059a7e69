/** How an upstream calls a client's tools: short, legal, unique, and the same on every turn. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isLegalName } from "../../../src/gateway/protocol/legal-name.ts"
import { startNaming, type ToolIdentity } from "../../../src/gateway/protocol/tool-names.ts"
import { checkProperty } from "../../support/property.ts"

const add: ToolIdentity = { tool: "function", name: "add", namespace: "mcp__demo" }
const plain: ToolIdentity = { tool: "function", name: "mcp__demo__add" }

describe("a name", () => {
  test("is the client's own where it is legal", () => {
    expect(startNaming(64).nameOf({ tool: "custom", name: "apply_patch" })).toBe("apply_patch")
  })

  test("joins namespace and name", () => {
    expect(startNaming(64).nameOf(add)).toBe("mcp__demo__add")
    expect(startNaming(64).nameOf({ ...add, namespace: "mcp__demo__" })).toBe("mcp__demo__add")
  })

  test("is plain for who asks first, and an alias for who clashes", () => {
    const naming = startNaming(64)
    expect(naming.nameOf(add)).toBe("mcp__demo__add")
    expect(naming.nameOf(plain)).toMatch(/^mcp__demo__add_[0-9a-f]{8}$/)
    expect(naming.nameOf(add)).toBe("mcp__demo__add")
  })

  test("tells a function from a freeform tool of the same name", () => {
    const naming = startNaming(64)
    const custom = naming.nameOf({ tool: "custom", name: "apply_patch" })
    const called = naming.nameOf({ tool: "function", name: "apply_patch" })
    expect(called).not.toBe(custom)
    expect(naming.names.get(called)).toEqual({ tool: "function", name: "apply_patch" })
  })

  test("of an MCP tool over the limit is a short alias that leads back", () => {
    const naming = startNaming(64)
    const long = { tool: "function" as const, name: `mcp__server__${"tool".repeat(20)}` }
    const alias = naming.nameOf(long)
    expect(alias.length).toBe(64)
    expect(naming.names.get(alias)).toEqual(long)
  })
})

const identity: fc.Arbitrary<ToolIdentity> = fc.oneof(
  fc.record({
    tool: fc.constantFrom("function" as const, "custom" as const, "tool_search" as const),
    name: fc.oneof(fc.constantFrom("a", "b", "a__b", "", "b__c"), fc.string({ unit: "binary" })),
  }),
  fc.record({
    tool: fc.constant("function" as const),
    name: fc.constantFrom("a", "b", "b__c", "c"),
    namespace: fc.constantFrom("a", "a__", "a__b", "", "x".repeat(80)),
  }),
)
const tools = fc.tuple(fc.array(identity), fc.array(identity), fc.integer({ min: 12, max: 64 }))

describe("for any tools", () => {
  test("names are legal, within the limit, unique, and lead back", () => {
    checkProperty(import.meta.path, tools, ([first, then, limit]) => {
      const naming = startNaming(limit)
      const names = new Map([...first, ...then].map(tool => [JSON.stringify(tool), naming.nameOf(tool)]))
      for (const name of names.values()) expect(isLegalName(name, limit)).toBe(true)
      expect(new Set(names.values()).size).toBe(names.size)
      for (const tool of [...first, ...then]) expect(naming.names.get(naming.nameOf(tool))).toEqual(tool)
    })
  })

  test("old names do not change when new tools come", () => {
    checkProperty(import.meta.path, tools, ([first, then, limit]) => {
      const before = startNaming(limit)
      const names = first.map(before.nameOf)
      const after = startNaming(limit)
      const again = [...first, ...then].map(after.nameOf)
      expect(again.slice(0, first.length)).toEqual(names)
    })
  })
})
