/** A Chat stream on its way to a Chat client: the same bytes, but for the usage that was not asked for. */
import { describe, expect, test } from "bun:test"
import { PASSED_KEYS, passEdits, startPassage } from "../../../../src/gateway/protocol/openai-chat/passage.ts"
import type { Quirk } from "../../../../src/gateway/protocol/target.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { arbitraryAnswer } from "../../../support/arbitrary-model.ts"
import { CHAT_START, chunk, chunksOf, streamOf, writeChat } from "../../../support/chat-streams.ts"
import { checkProperty } from "../../../support/property.ts"

const report = { id: "c1", choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } }
const text = streamOf(chunk({ role: "assistant", content: "é🜚" }), chunk({}, "stop"), report, "[DONE]")
const bytes = Buffer.from(text)
const batch = { bytes, text: bytes.toString("latin1") }
const hidden = { ...CHAT_START, shows_usage: false }

test.each(["models", "plugins", "preset", "fallbacks", "route", "provider", "web_search_options", "usage"])(
  "%s is no member that passes: it could choose what nobody pays for (OpenRouter)",
  key => {
    expect(PASSED_KEYS.has(key)).toBe(false)
  },
)

describe("bytes", () => {
  test("pass as they are when usage was asked for", () => {
    expect(startPassage().adapt(batch, CHAT_START)).toBe(bytes)
  })

  test("pass as they are when there is no usage to hide", () => {
    const plain = Buffer.from(streamOf(chunk({ content: '"usage"' })))
    expect(startPassage().adapt({ bytes: plain, text: plain.toString("latin1") }, hidden)).toBe(plain)
  })

  test("lose the report that was not asked for, and nothing else", () => {
    const expected = streamOf(chunk({ role: "assistant", content: "é🜚" }), chunk({}, "stop"), "[DONE]")
    expect(Buffer.from(startPassage().adapt(batch, hidden)).toString("utf8")).toBe(expected)
  })
})

describe("usage that was not asked for", () => {
  const [role, hi, stop] = [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "hi" }),
    chunk({}, "stop"),
  ]
  const USAGE = { prompt_tokens: 1, completion_tokens: 2 }
  const latin1 = (given: string) => Buffer.from(given).toString("latin1")

  /** What passes of a stream, both in latin1. */
  function withoutUsage(given: string): string {
    const adapted = startPassage().adapt({ bytes: Buffer.from(given, "latin1"), text: given }, hidden)
    return Buffer.from(adapted).toString("latin1")
  }

  const bare = streamOf(role, hi, stop)

  test("its chunk is taken out, every other byte stays", () => {
    expect(withoutUsage(bare + streamOf(report) + streamOf("[DONE]"))).toBe(bare + streamOf("[DONE]"))
    const cr = streamOf(hi, report, stop).replaceAll("\n", "\r\n")
    expect(withoutUsage(cr)).toBe(streamOf(hi, stop).replaceAll("\n", "\r\n"))
  })

  test.each([
    ["no usage", [hi]],
    ["usage beside choices", [{ ...stop, usage: USAGE }]],
    ["usage: null", [{ choices: [], usage: null }]],
    ["no choices and no usage", [{ choices: [], note: "usage" }]],
    ["an error", [{ choices: [], usage: USAGE, error: { message: "m" } }]],
    ["text about it", [chunk({ content: '"usage":{} "choices":[]' })]],
    ["nonsense", ['{"choices":[],"usage":']],
  ])("%s stays", (_name, data) => {
    expect(withoutUsage(streamOf(...data))).toBe(streamOf(...data))
  })

  test("for any stream: what is left is the stream of a client that did not ask", () => {
    checkProperty(import.meta.path, arbitraryAnswer, answer => {
      const asked = latin1(writeChat(answer))
      expect(withoutUsage(asked)).toBe(latin1(writeChat(answer, { ...CHAT_START, shows_usage: false })))
    })
  })
})

test("the usage is read although it is hidden", () => {
  const passage = startPassage()
  passage.adapt(batch, hidden)
  passage.note(batch.text)
  expect(passage.sniffed).toMatchObject({ phase: "completed", reported: { usage: { output_tokens: 2 } } })
})

test("an error of ours is an error chunk, and silence is a comment", () => {
  const error = new AppError("upstream", "It broke off.")
  expect(chunksOf(startPassage().fail(error, CHAT_START))).toEqual([
    { error: { message: "It broke off.", type: "server_error", code: "upstream", param: null } },
  ])
  expect(startPassage().keepalive(CHAT_START)).toMatch(/^:.*\n\n$/)
})

describe("a body that passes", () => {
  const streamed = { is_streamed: true, reasons: true, quirks: new Set<Quirk>() }

  test("is made to ask for usage when it is streamed, and keeps its other options", () => {
    const stream_options = { include_obfuscation: false }
    expect(passEdits({}, streamed)).toEqual({ stream_options: { include_usage: true } })
    expect(passEdits({ stream_options }, streamed)).toEqual({
      stream_options: { include_obfuscation: false, include_usage: true },
    })
  })

  test.each([
    ["asks already", { stream_options: { include_usage: true } }, streamed],
    ["is not streamed", {}, { ...streamed, is_streamed: false }],
    ["goes where the option is unknown", {}, { ...streamed, quirks: new Set<Quirk>(["no-stream-options"]) }],
  ])("is left alone when it %s", (_name, body, how) => {
    expect(passEdits(body, how)).toEqual({})
  })

  test("is not stored upstream", () => {
    const how = { ...streamed, is_streamed: false }
    expect(passEdits({ store: true, metadata: { a: "b" } }, how)).toEqual({ store: false, metadata: null })
    expect(passEdits({ metadata: { a: "b" } }, how)).toEqual({})
  })
})
