/** Which blocks of a Messages request are marked for the cache: enough, and never more than four. */
import { describe, expect, test } from "bun:test"
import type { WireRequest } from "../../../../src/gateway/protocol/anthropic-messages/wire.ts"
import { writeRequest } from "../../../../src/gateway/protocol/anthropic-messages/write-request.ts"
import type { Item, ModelRequest, Tool } from "../../../../src/gateway/protocol/model-request.ts"
import type { Target } from "../../../../src/gateway/protocol/target.ts"
import { messageOf } from "../../../support/items.ts"
import { targetOf } from "../../../support/target.ts"

const TARGET = targetOf("anthropic-messages", {
  model: "claude-up",
  reasoning_efforts: ["low", "medium", "high", "max"],
})
const EMPTY: ModelRequest = { model: "m", instructions: [], items: [], tools: [], stream: true }

const write = (rest: Partial<ModelRequest>, target: Partial<Target> = {}): WireRequest =>
  writeRequest({ ...EMPTY, ...rest }, { ...TARGET, ...target })
const f: Tool = { kind: "function", name: "f" }

describe("cache marks", () => {
  /** Paths of all marks, such as `system.1`. */
  function marksOf(body: WireRequest): string[] {
    const marked = (list: readonly object[], name: string) =>
      list.flatMap((block, at) => ("cache_control" in block ? [`${name}.${at}`] : []))
    const messages = body.messages.flatMap(({ content }, at) => marked(content, `messages.${at}`))
    return [...marked(body.tools ?? [], "tools"), ...marked(body.system ?? [], "system"), ...messages]
  }

  test("are set for clients without any: the system prompt and the last two turns of the user", () => {
    const items = [
      messageOf("user", "a"),
      messageOf("assistant", "b"),
      messageOf("user", "c"),
      messageOf("assistant", "d"),
      messageOf("user", "e"),
    ]
    const instructions = [{ kind: "text" as const, text: "s" }]
    expect(marksOf(write({ instructions, items, tools: [f] }))).toEqual([
      "system.0",
      "messages.2.0",
      "messages.4.0",
    ])
    expect(marksOf(write({ items, tools: [f] }))).toEqual(["tools.0", "messages.2.0", "messages.4.0"])
  })

  test("are at most four: the last of tools and system, then the last ones of the messages", () => {
    const cache = "5m" as const
    const instructions = [1, 2, 3].map(n => ({ kind: "text" as const, text: `s${n}`, cache }))
    const parts = [1, 2, 3, 4].map(n => ({ kind: "text" as const, text: `t${n}`, cache }))
    const items: Item[] = [{ kind: "message", role: "user", parts }]
    const tools: Tool[] = [
      { kind: "function", name: "a", cache },
      { kind: "function", name: "b", cache },
    ]
    expect(marksOf(write({ instructions, items, tools }))).toEqual([
      "tools.1",
      "system.2",
      "messages.0.2",
      "messages.0.3",
    ])
    expect(marksOf(write({ instructions, items: [messageOf("user", "x")] }))).toEqual([
      "system.0",
      "system.1",
      "system.2",
    ])
  })

  test("an hour after five minutes becomes five minutes", () => {
    const instructions = [
      { kind: "text" as const, text: "a", cache: "1h" as const },
      { kind: "text" as const, text: "b", cache: "5m" as const },
    ]
    const parts = [{ kind: "text" as const, text: "c", cache: "1h" as const }]
    const body = write({ instructions, items: [{ kind: "message", role: "user", parts }] })
    const ttls = [...body.system!, ...body.messages[0]!.content].map(
      block => (block as { cache_control?: unknown }).cache_control,
    )
    expect(ttls).toEqual([{ type: "ephemeral", ttl: "1h" }, { type: "ephemeral" }, { type: "ephemeral" }])
  })
})
