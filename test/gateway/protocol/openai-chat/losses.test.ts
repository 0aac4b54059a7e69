/** What the Chat wire and our events cannot say to each other, one case per line of the table. */
import { expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { EVENT_LOSSES } from "../../../../src/gateway/protocol/openai-chat/losses.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { chunk, chunksOf, readChat, writeChat } from "../../../support/chat-streams.ts"

const end: ModelEvent = { type: "answer-end", stop: "end" }
const counted = (usage: object): ModelEvent => ({
  type: "usage",
  reported: { usage: { ...NO_USAGE, ...usage } },
})

/** Through the wire and back. */
const carried = (...events: ModelEvent[]) =>
  readChat(chunksOf(writeChat([{ type: "answer-start" }, ...events])))
const called = (start: object, last: object) =>
  carried(
    { type: "tool-call-start", tool: "function", call_id: "a", name: "f", ...start },
    { type: "tool-call-delta", text: "{" },
    { type: "tool-call-end", ...last },
    { type: "answer-end", stop: "tool_call" },
  )
const thought = (last: object) =>
  carried(
    { type: "reasoning-start" },
    { type: "reasoning-delta", of: "text", index: 0, text: "hm" },
    { type: "reasoning-end", ...last },
    end,
  )

const cases: { [field: string]: () => void } = {
  stop_sequence: () => {
    const stopped: ModelEvent = { type: "answer-end", stop: "stop_sequence", stop_sequence: "END" }
    expect(carried(stopped)).toEqual(carried(end))
  },
  "stop-refusal": () => expect(carried({ type: "answer-end", stop: "refusal" })).toEqual(carried(end)),
  "hosted-call": () => {
    const raw = { type: "web_search_call" }
    const hosted: ModelEvent = { type: "hosted-call-start", call_type: raw.type }
    expect(carried(hosted, { type: "hosted-call-end", raw }, end)).toEqual(carried(end))
  },
  sealed: () => expect(thought({ sealed: "blob" })).toEqual(thought({})),
  namespace: () => expect(called({ namespace: "n" }, {})).toEqual(called({}, {})),
  is_cut: () => expect(called({}, { is_cut: true })).toEqual(called({}, {})),
  cache_write_5m_tokens: () => {
    const written = carried(counted({ cache_write_5m_tokens: 3, cache_write_1h_tokens: 4 }), end)
    expect(written).toEqual(carried(counted({ input_tokens: 7 }), end))
  },
  web_search_count: () => {
    expect(carried(counted({ web_search_count: 2 }), end)).toEqual(carried(counted({}), end))
  },
  logprobs: () => {
    const read = (logprobs: unknown) =>
      readChat([{ choices: [{ delta: { content: "a" }, logprobs, finish_reason: "stop" }] }])
    expect(read({ content: [{ token: "a", logprob: -1 }] })).toEqual(read(null))
    expect(read(null)).not.toEqual(readChat([chunk({}, "stop")]))
  },
}

test.each(EVENT_LOSSES.map(loss => loss.field))("%s", field => cases[field]!())
