/** A passing Messages stream: nothing is changed, a silence is kept alive where the stream stands. */
import { describe, expect, test } from "bun:test"
import { messagesUpstream } from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import type { Quirk } from "../../../../src/gateway/protocol/target.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { listRequests, loadStream, parseStream } from "../../../support/messages-fixtures.ts"

const NO_QUIRKS = { is_streamed: true, reasons: true, quirks: new Set<Quirk>() }
const START = { id: "msg_1", created_at: 1, model: "m" }
const events = loadStream("30-response-thinking-text-tool.sse")
  .split("\n\n")
  .filter(text => text !== "")
  .map(text => `${text}\n\n`)

/** The keepalive after so many events of a recorded stream. */
function keepaliveAfter(count: number): unknown {
  const passage = messagesUpstream.startPassage()
  passage.note(events.slice(0, count).join(""))
  return parseStream(passage.keepalive(START))[0]?.data
}

test.each(["container", "mcp_servers", "speed", "inference_geo", "fallbacks", "models", "Model"])(
  "%s is no member that passes",
  key => {
    expect(messagesUpstream.passed_keys.has(key)).toBe(false)
  },
)

test("every member of a recorded request passes", () => {
  const keys = new Set(listRequests().flatMap(({ body }) => Object.keys(body)))
  expect(keys.size).toBeGreaterThan(5)
  expect([...keys].filter(key => !messagesUpstream.passed_keys.has(key))).toEqual([])
})

describe("keepalive", () => {
  test("is an empty delta of the open block (claude-code-wire 6)", () => {
    const at = (marker: string) => events.findIndex(text => text.includes(marker)) + 1
    expect(keepaliveAfter(at('"type":"thinking"'))).toEqual({
      type: "content_block_delta",
      index: 0,
      delta: { type: "thinking_delta", thinking: "" },
    })
    expect(keepaliveAfter(at('"type":"text"'))).toMatchObject({
      index: 1,
      delta: { type: "text_delta", text: "" },
    })
    expect(keepaliveAfter(at('"type":"tool_use"'))).toMatchObject({ index: 2, delta: { partial_json: "" } })
  })

  test("is a ping between blocks and before the first", () => {
    const closed = events.findIndex(text => text.includes("content_block_stop")) + 1
    for (const count of [0, 1, closed]) expect(keepaliveAfter(count)).toEqual({ type: "ping" })
  })
})

test("bytes pass as they are", () => {
  const bytes = Buffer.from(events.join(""))
  const passage = messagesUpstream.startPassage()
  expect(passage.adapt({ bytes, text: bytes.toString("latin1") }, START)).toBe(bytes)
  expect(messagesUpstream.adaptAnswer("{ }", START)).toBe("{ }")
})

test("an error of ours is an error event", () => {
  const passage = messagesUpstream.startPassage()
  expect(parseStream(passage.fail(new AppError("unavailable", "Busy."), START))).toEqual([
    { name: "error", data: { type: "error", error: { type: "overloaded_error", message: "Busy." } } },
  ])
})

describe("edits of a passing body", () => {
  const edit = (budget_tokens: number, max_tokens: number) =>
    messagesUpstream.passEdits({ thinking: { type: "enabled", budget_tokens }, max_tokens }, NO_QUIRKS)

  test("clamp a budget that leaves no room for the answer (sdk-wire 5)", () => {
    expect(edit(32_000, 8000)).toEqual({ thinking: { type: "enabled", budget_tokens: 7999 } })
    expect(edit(32_000, 1000)).toEqual({ thinking: { type: "disabled" } })
  })

  test("touch nothing else", () => {
    expect(edit(5000, 8000)).toEqual({})
    expect(messagesUpstream.passEdits({ max_tokens: 5, thinking: { type: "adaptive" } }, NO_QUIRKS)).toEqual(
      {},
    )
    expect(messagesUpstream.passEdits({}, NO_QUIRKS)).toEqual({})
  })
})
