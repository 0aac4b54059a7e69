/** Thinking goes back to who thought it, and to nobody else. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type { Item, Protocol, ReasoningItem } from "../../../src/gateway/protocol/model-request.ts"
import { unwrapSealed, wrapSealed } from "../../../src/gateway/protocol/sealed.ts"
import { sealForClient, stripReasoning } from "../../../src/gateway/protocol/strip-reasoning.ts"
import type { Quirk } from "../../../src/gateway/protocol/target.ts"
import { createAnswerMap } from "../../../src/gateway/protocol/translate-answer.ts"
import { arbitraryText } from "../../support/arbitrary-model.ts"
import { messageOf } from "../../support/items.ts"
import { checkProperty } from "../../support/property.ts"
import { targetOf } from "../../support/target.ts"

const own = (blob: string) => wrapSealed({ origin: "up", blob })
const foreign = wrapSealed({ origin: "elsewhere", blob: "BLOB" })
const thought = (changes: Partial<ReasoningItem>): ReasoningItem => ({
  kind: "reasoning",
  summary: [],
  text: [],
  ...changes,
})

function stripped(item: Item, from: Protocol, to: Protocol, ...quirks: Quirk[]): Item[] {
  return stripReasoning([item], from, targetOf(to, { quirks: new Set(quirks) }))
}

describe("sealed thinking", () => {
  test("goes back to its maker as the maker's own blob", () => {
    const item = thought({ text: ["hm"], sealed: own("SIG") })
    expect(stripped(item, "openai-chat", "anthropic-messages")).toEqual([
      thought({ text: ["hm"], sealed: "SIG" }),
    ])
  })

  test("of another upstream is left out, and the turn goes on", () => {
    const items = [thought({ sealed: foreign }), messageOf("user", "go on")]
    const kept = stripReasoning(items, "openai-responses", targetOf("anthropic-messages"))
    expect(kept).toEqual([messageOf("user", "go on")])
  })

  test("of another upstream of the same protocol is left out, too", () => {
    expect(stripped(thought({ sealed: foreign }), "anthropic-messages", "anthropic-messages")).toEqual([])
  })

  test("straight from the protocol stays as it is within the protocol only", () => {
    const item = thought({ summary: ["s"], sealed: "gAAAA", is_redacted: true })
    expect(stripped(item, "openai-responses", "openai-responses")).toEqual([item])
    expect(stripped(item, "openai-responses", "openai-chat")).toEqual([])
  })

  test("that the Codex CLI kept as a summary is thinking again for a Messages upstream", () => {
    const item = thought({ summary: ["I ", "think"], sealed: own("SIG") })
    const [back] = stripped(item, "openai-responses", "anthropic-messages")
    expect(back).toEqual(thought({ text: ["I think"], sealed: "SIG" }))
  })

  test("that Claude Code kept as thinking is a summary again for a Responses upstream", () => {
    const item = thought({ text: ["I think"], sealed: own("ENC") })
    const [back] = stripped(item, "anthropic-messages", "openai-responses")
    expect(back).toEqual(thought({ summary: ["I think"], sealed: "ENC" }))
  })

  test("without words stays without words", () => {
    const [back] = stripped(thought({ sealed: own("SIG") }), "openai-responses", "anthropic-messages")
    expect(back).toEqual(thought({ sealed: "SIG" }))
  })
})

describe("a redacted block", () => {
  test("survives a client that cannot say so", () => {
    const sealed = sealForClient("up", { sealed: "DATA", is_redacted: true })
    const [back] = stripped(thought({ sealed }), "openai-responses", "anthropic-messages")
    expect(back).toEqual(thought({ sealed: "DATA", is_redacted: true }))
  })
})

describe("thinking that nobody sealed", () => {
  const item = thought({ text: ["hm"] })

  test("goes back only to who asks for it as text", () => {
    expect(stripped(item, "openai-chat", "openai-chat", "reasoning-content")).toEqual([item])
    expect(stripped(item, "openai-chat", "openai-chat")).toEqual([])
    expect(stripped(item, "openai-chat", "anthropic-messages")).toEqual([])
  })

  test("is the same with the seal of an upstream that seals nothing", () => {
    const kept = thought({ summary: ["hm"], sealed: own("") })
    expect(stripped(kept, "openai-responses", "openai-chat", "reasoning-content")).toEqual([item])
    expect(stripped(kept, "openai-responses", "openai-chat")).toEqual([])
  })

  test("is nothing when it is empty", () => {
    expect(
      stripped(thought({ text: [""], sealed: "" }), "openai-chat", "openai-chat", "reasoning-content"),
    ).toEqual([])
  })
})

describe("pages that a hosted search found", () => {
  const search = (sealed: string): Item => ({
    kind: "hosted-call",
    raw: { type: "web_search_call" },
    results: [{ url: "https://x.test", sealed }],
  })
  const page = (sealed?: string) => ({ url: "https://x.test", ...(sealed === undefined ? {} : { sealed }) })

  test("keep their copy for the upstream that made it only", () => {
    const to = (sealed: string, from: Protocol) => stripped(search(sealed), from, "anthropic-messages")[0]
    expect(to("COPY", "anthropic-messages")).toMatchObject({ results: [page("COPY")] })
    expect(to(own("COPY"), "openai-responses")).toMatchObject({ results: [page("COPY")] })
    expect(to("COPY", "openai-responses")).toEqual({ ...search(""), results: [page()] } as Item)
    expect(to(foreign, "anthropic-messages")).toEqual({ ...search(""), results: [page()] } as Item)
  })

  test("without a copy pass", () => {
    const bare: Item = { kind: "hosted-call", raw: { type: "web_search_call" } }
    expect(stripped(bare, "openai-responses", "openai-chat")).toEqual([bare])
  })
})

test("the seal for a client names its upstream, with a blob or without", () => {
  expect(unwrapSealed(sealForClient("up", { sealed: "B" }))).toEqual({ origin: "up", blob: "B" })
  expect(unwrapSealed(sealForClient("up", {}))).toEqual({ origin: "up", blob: "" })
})

describe("thinking on its way to a client and back", () => {
  type Way = [client: Protocol, upstream: Protocol]
  const ways: Way[] = [
    ["openai-responses", "anthropic-messages"],
    ["openai-responses", "openai-chat"],
    ["anthropic-messages", "openai-responses"],
  ]

  /** The block as a client that has one place for thinking replays it. */
  function replayed(events: readonly ModelEvent[], client: Protocol): ReasoningItem {
    const said = events.map(event => (event.type === "reasoning-delta" ? event.text : "")).join("")
    const end = events.find(event => event.type === "reasoning-end")
    const words = said === "" ? [] : [said]
    const place = client === "openai-responses" ? { summary: words } : { text: words }
    return thought({ ...place, ...(end?.sealed === undefined ? {} : { sealed: end.sealed }) })
  }

  test("is to the letter what its maker said and sealed", () => {
    const blocks = fc.tuple(fc.array(arbitraryText, { maxLength: 3 }), fc.option(arbitraryText), fc.boolean())
    const cases = fc.tuple(blocks, fc.constantFrom(...ways))
    checkProperty(import.meta.path, cases, ([[pieces, sealed, is_redacted], [client, upstream]]) => {
      const end = {
        ...(sealed === null ? {} : { sealed }),
        ...(sealed !== null && is_redacted ? { is_redacted: true as const } : {}),
      }
      const events: ModelEvent[] = [
        { type: "reasoning-start" },
        ...pieces.map((text): ModelEvent => ({ type: "reasoning-delta", of: "text", index: 0, text })),
        { type: "reasoning-end", ...end },
      ]
      const map = createAnswerMap(new Map(), { upstream_id: "up", from: client, to: upstream })
      const target = targetOf(upstream, { quirks: new Set(["reasoning-content"]) })
      const back = stripReasoning([replayed(map.map(events), client)], client, target)
      const words = pieces.length === 0 ? [] : [pieces.join("")]
      const place = upstream === "openai-responses" ? { summary: words } : { text: words }
      const is_lost = sealed === null && (pieces.length === 0 || upstream === "openai-responses")
      expect(back).toEqual(is_lost ? [] : [thought({ ...place, ...end })])
    })
  })
})
