/** What only another protocol can say is left out. */
import { describe, expect, test } from "bun:test"
import type { Item, ModelRequest, Part, Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { stripParts } from "../../../src/gateway/protocol/strip-parts.ts"
import { messageOf } from "../../support/items.ts"
import { targetOf } from "../../support/target.ts"

function stripped(request: Partial<ModelRequest>, to: Protocol) {
  const whole = { model: "m", instructions: [], items: [], tools: [], stream: true, ...request }
  return stripParts(whole, targetOf(to))
}

describe("the billing line", () => {
  const line = "x-anthropic-billing-header: cc_version=2.1.197.123; cc_entrypoint=sdk-cli;"
  const instructions = [
    { kind: "text" as const, text: line },
    { kind: "text" as const, text: "You are helpful.", cache: "5m" as const },
  ]

  test("never leaves for another protocol", () => {
    expect(stripped({ instructions }, "openai-chat").instructions).toEqual([
      { kind: "text", text: "You are helpful." },
    ])
  })

  test("is cut off a prompt that goes on below it", () => {
    const joined = [{ kind: "text" as const, text: `${line}\n\nYou are helpful.` }]
    expect(stripped({ instructions: joined }, "openai-responses").instructions).toEqual([
      { kind: "text", text: "You are helpful." },
    ])
  })

  test("stays for Anthropic, with the cache marks", () => {
    expect(stripped({ instructions }, "anthropic-messages").instructions).toEqual(instructions)
  })
})

describe("cache marks", () => {
  const marked: Item[] = [
    { kind: "message", role: "user", parts: [{ kind: "text", text: "hi", cache: "1h" }] },
    { kind: "tool-result", tool: "function", call_id: "c", output: "x", cache: "5m" },
    {
      kind: "tool-result",
      tool: "function",
      call_id: "c",
      output: [{ kind: "image", url: "data:,", cache: "5m" }],
    },
  ]

  test("stay for Messages upstreams", () => {
    expect(stripped({ items: marked }, "anthropic-messages").items).toEqual(marked)
  })

  test("are hints that others do not get", () => {
    const items = stripped({ items: marked }, "openai-chat").items
    expect(JSON.stringify(items)).not.toContain("cache")
    expect(items[0]).toEqual(messageOf("user", "hi"))
  })
})

describe("raw items and parts", () => {
  const rawItem: Item = { kind: "raw", protocol: "openai-responses", raw: { type: "compaction" } }
  const rawPart: Part = { kind: "raw", protocol: "anthropic-messages", raw: { type: "thing" } }

  test("stay in their own protocol", () => {
    const message: Item = { kind: "message", role: "user", parts: [rawPart] }
    expect(stripped({ items: [rawItem, message] }, "openai-responses").items).toEqual([rawItem])
    expect(stripped({ items: [rawItem, message] }, "anthropic-messages").items).toEqual([message])
  })

  test("leave the parts beside them", () => {
    const message: Item = { kind: "message", role: "user", parts: [rawPart, { kind: "text", text: "hi" }] }
    expect(stripped({ items: [message] }, "openai-chat").items).toEqual([messageOf("user", "hi")])
  })

  test("leave a result that is empty, because its call needs one", () => {
    const result: Item = {
      kind: "tool-result",
      tool: "function",
      call_id: "c",
      output: [rawPart],
      is_error: true,
    }
    expect(stripped({ items: [result] }, "openai-chat").items).toEqual([{ ...result, output: "" }])
  })
})

test("a message that was empty is not ours to leave out", () => {
  const empty: Item = { kind: "message", role: "assistant", parts: [] }
  expect(stripped({ items: [empty] }, "openai-chat").items).toEqual([empty])
})
