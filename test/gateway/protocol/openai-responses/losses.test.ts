/** What the Responses wire and our events cannot say to each other, one case per line of the table. */
import { describe, expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectResponse } from "../../../../src/gateway/protocol/openai-responses/collect.ts"
import { EVENT_LOSSES } from "../../../../src/gateway/protocol/openai-responses/losses.ts"
import { readAnswer } from "../../../../src/gateway/protocol/openai-responses/read-events.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"

const start = { id: "resp_1", created_at: 1, model: "m" }
const end: ModelEvent = { type: "answer-end", stop: "end" }
const counted = (usage: object): ModelEvent => ({
  type: "usage",
  reported: { usage: { ...NO_USAGE, ...usage } },
})

/** Through the wire and back. */
const carried = (...events: ModelEvent[]) => readAnswer(collectResponse(start, events))

/** A whole answer with one text part. */
const answered = (part: object) =>
  readAnswer({ output: [{ type: "message", content: [{ type: "output_text", text: "t", ...part }] }] })

const cases: { [field: string]: () => void } = {
  stop_sequence: () => {
    const stopped: ModelEvent = { type: "answer-end", stop: "stop_sequence", stop_sequence: "END" }
    expect(carried(stopped)).toEqual(carried(end))
  },
  refusal: () => expect(carried({ type: "answer-end", stop: "refusal" })).toEqual(carried(end)),
  cache_write_5m_tokens: () => {
    const written = carried(counted({ cache_write_5m_tokens: 3, cache_write_1h_tokens: 4 }), end)
    expect(written).toEqual(carried(counted({ input_tokens: 7 }), end))
  },
  web_search_count: () => {
    expect(carried(counted({ web_search_count: 2 }), end)).toEqual(carried(counted({}), end))
  },
  logprobs: () => expect(answered({ logprobs: [{ token: "t", logprob: -1 }] })).toEqual(answered({})),
  annotations: () => {
    const other = { type: "file_citation", file_id: "f" }
    expect(answered({ annotations: [other] })).toEqual(answered({}))
    const source = { type: "url_citation", url: "https://x.test" }
    expect(answered({ annotations: [source] })).not.toEqual(answered({}))
  },
}

describe("events", () => {
  test.each(EVENT_LOSSES.map(loss => loss.field))("%s", field => cases[field]!())
})
