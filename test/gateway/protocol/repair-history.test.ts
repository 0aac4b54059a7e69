/** Every call of a history has exactly one result, in the place where strict upstreams want it. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isLegalName } from "../../../src/gateway/protocol/legal-name.ts"
import type { Item } from "../../../src/gateway/protocol/model-request.ts"
import { INTERRUPTED, repairHistory } from "../../../src/gateway/protocol/repair-history.ts"
import { arbitraryItem } from "../../support/arbitrary-model.ts"
import { callOf, messageOf, resultOf } from "../../support/items.ts"
import { checkProperty } from "../../support/property.ts"

const strict = { call_id_length: 40, keeps_order: false }
const repair = (...items: Item[]) => repairHistory(items, strict)
const thinking: Item = { kind: "reasoning", summary: [], text: ["hm"] }
const interrupted = (call_id: string): Item => ({
  kind: "tool-result",
  tool: "function",
  call_id,
  output: INTERRUPTED,
  is_error: true,
})

/** The history in short: `a` a call, `=a` its result, `?` a result that was missing, else the kind or role. */
function shape(items: readonly Item[]): string {
  const word = (item: Item): string => {
    if (item.kind === "tool-call") return item.call_id
    if (item.kind === "tool-result") return `${item.output === INTERRUPTED ? "?" : "="}${item.call_id}`
    return item.kind === "message" ? item.role : item.kind
  }
  return items.map(word).join(" ")
}

describe("a history in order", () => {
  test("stays as it is", () => {
    const items = [
      messageOf("user", "go"),
      thinking,
      messageOf("assistant", "I run it."),
      callOf("a"),
      callOf("b"),
      resultOf("a"),
      resultOf("b"),
      callOf("c"),
      resultOf("c"),
      messageOf("assistant", "Done."),
    ]
    expect(repair(...items)).toEqual(items)
  })

  test("may end with the assistant: the stream was cut", () => {
    const items = [messageOf("user", "go"), messageOf("assistant", "I wa")]
    expect(repair(...items)).toEqual(items)
  })
})

describe("results", () => {
  test("of one step come in the order of its calls", () => {
    expect(shape(repair(callOf("a"), callOf("b"), resultOf("b"), resultOf("a")))).toBe("a b =a =b")
  })

  test("that are missing are said to be missing", () => {
    const items = repair(callOf("a"), callOf("b"), resultOf("b"), messageOf("user", "stop"))
    expect(shape(items)).toBe("a b ?a =b user")
    expect(items[2]).toEqual(interrupted("a"))
  })

  test("without a call are dropped", () => {
    expect(shape(repair(resultOf("x"), messageOf("user", "go"), callOf("a"), resultOf("a")))).toBe(
      "user a =a",
    )
  })

  test("before their call are none of its results", () => {
    expect(shape(repair(resultOf("a"), callOf("a")))).toBe("a ?a")
  })

  test("that come twice count once, the first", () => {
    const items = repair(callOf("a"), resultOf("a", "one"), resultOf("a", "two"))
    expect(items).toEqual([callOf("a"), resultOf("a", "one")])
  })

  test("behind a message of the user come before it", () => {
    const items = repair(callOf("a"), messageOf("user", "steer"), resultOf("a"))
    expect(shape(items)).toBe("a =a user")
  })

  test("of a tool search are a function's where the call is one", () => {
    const found: Item = { kind: "tool-search-result", call_id: "a", tools: [{ kind: "function", name: "x" }] }
    expect(shape(repair(callOf("a"), found))).toBe("a =a")
  })

  test("of a tool search call are one for Responses upstreams", () => {
    const search = callOf("a", { tool: "tool_search", name: "tool_search" })
    const native = { call_id_length: 64, keeps_order: true }
    const none: Item = { kind: "tool-search-result", call_id: "a", tools: [] }
    expect(repairHistory([search], native)).toEqual([search, none])
    expect(repairHistory([search, resultOf("a", "aborted")], native)).toEqual([search, none])
  })
})

describe("steps", () => {
  test("go on behind an output of the Codex CLI that stands between calls (capture 21)", () => {
    const items = repair(
      callOf("a"),
      callOf("b"),
      resultOf("b", "aborted"),
      callOf("c"),
      resultOf("a"),
      resultOf("c"),
      callOf("d"),
      resultOf("d"),
    )
    expect(shape(items)).toBe("a b c =a =b =c d =d")
  })

  test("end where all results have come, even if a call of theirs has none", () => {
    const items = repair(
      callOf("a"),
      callOf("b"),
      resultOf("b"),
      messageOf("assistant", "next"),
      callOf("c"),
      resultOf("c"),
    )
    expect(shape(items)).toBe("a b ?a =b assistant c =c")
  })

  test("say everything before their calls, except for Responses upstreams", () => {
    const items = [
      callOf("a"),
      messageOf("assistant", "and"),
      thinking,
      callOf("b"),
      resultOf("a"),
      resultOf("b"),
    ]
    expect(shape(repair(...items))).toBe("assistant reasoning a b =a =b")
    expect(repairHistory(items, { call_id_length: 64, keeps_order: true })).toEqual(items)
  })
})

describe("call ids", () => {
  test("that stand twice are told apart, with the results that belong to them", () => {
    const items = repair(callOf("a"), resultOf("a", "one"), callOf("a"), resultOf("a", "two"))
    expect(items.map(item => "output" in item && item.output)).toEqual([false, "one", false, "two"])
    const [first, , second, result] = items as { call_id: string }[]
    expect(first?.call_id).toBe("a")
    expect(second?.call_id).toMatch(/^a_[0-9a-f]{8}$/)
    expect(result?.call_id).toBe(second!.call_id)
  })

  test("that stand twice in one step get their results in order", () => {
    const items = repair(callOf("a"), callOf("a"), resultOf("a", "one"), resultOf("a", "two"))
    expect(items.map(item => "output" in item && item.output)).toEqual([false, false, "one", "two"])
  })

  test("of an interrupted call do not take the result of a later one", () => {
    const items = repair(callOf("a"), messageOf("user", "again"), callOf("a"), resultOf("a", "late"))
    expect(items.map(item => "output" in item && item.output)).toEqual([
      false,
      INTERRUPTED,
      false,
      false,
      "late",
    ])
  })

  test("are made legal and short, call and result alike", () => {
    const long = `call.${"x".repeat(60)}`
    const [call, result] = repair(callOf(long), resultOf(long)) as { call_id: string }[]
    expect(isLegalName(call!.call_id, 40)).toBe(true)
    expect(result?.call_id).toBe(call!.call_id)
  })
})

/** Items whose ids clash, so that pairs, duplicates and orphans are common. */
const clashing = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("a", "b", "c", "").map(id => callOf(id)) },
    { weight: 3, arbitrary: fc.constantFrom("a", "b", "c", "x").map(id => resultOf(id)) },
    { weight: 1, arbitrary: arbitraryItem },
    { weight: 1, arbitrary: fc.constantFrom(messageOf("user", "u"), messageOf("assistant", "m"), thinking) },
  ),
  { maxLength: 14 },
)

const isCall = (item: Item) => item.kind === "tool-call"
const isResult = (item: Item) => item.kind === "tool-result" || item.kind === "tool-search-result"

describe("for any items", () => {
  test("each call has exactly one result behind it and before the assistant speaks again", () => {
    checkProperty(import.meta.path, clashing, items => {
      let open: string[] = []
      const ids = new Set<string>()
      for (const item of repair(...items)) {
        if (item.kind === "tool-call") {
          expect(ids.has(item.call_id)).toBe(false)
          ids.add(item.call_id)
          open.push(item.call_id)
        } else if (item.kind === "tool-result" || item.kind === "tool-search-result") {
          // In the order of the calls: the first open one.
          expect(item.call_id).toBe(open[0]!)
          open = open.slice(1)
        } else expect(open).toEqual([])
      }
      expect(open).toEqual([])
    })
  })

  test("no call and nothing that was said is lost or invented", () => {
    checkProperty(import.meta.path, clashing, items => {
      const repaired = repair(...items)
      expect(repaired.filter(isCall)).toHaveLength(items.filter(isCall).length)
      const rest = (list: readonly Item[]) => list.filter(item => !isCall(item) && !isResult(item))
      expect(rest(repaired)).toEqual(rest(items))
    })
  })

  test("a second repair changes nothing", () => {
    checkProperty(import.meta.path, clashing, items => {
      const once = repair(...items)
      expect(repair(...once)).toEqual(once)
    })
  })

  test("what stands before the last step does not change when a turn is added", () => {
    checkProperty(import.meta.path, fc.tuple(clashing, clashing), ([items, more]) => {
      const before = repair(...items, messageOf("user", "next"))
      const ids = new Set(items.map(item => ("call_id" in item ? item.call_id : "")))
      const fresh = more.filter(item => !("call_id" in item) || !ids.has(item.call_id))
      const after = repair(...items, messageOf("user", "next"), ...fresh)
      expect(after.slice(0, before.length)).toEqual(before)
    })
  })
})

test("a hostile history takes time in proportion to its length", () => {
  const count = 60_000
  const calls = Array.from({ length: count }, () => callOf(""))
  const results = Array.from({ length: count }, () => resultOf(""))
  const started = performance.now()
  expect(repair(...calls, ...results)).toHaveLength(2 * count)
  expect(performance.now() - started).toBeLessThan(3_000)
})
