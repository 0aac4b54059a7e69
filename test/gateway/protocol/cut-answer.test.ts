/** An answer that was ended in the middle is whole as far as it came. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { CLIENTS } from "../../../src/gateway/protocol/codecs.ts"
import { cutAnswer } from "../../../src/gateway/protocol/cut-answer.ts"
import { arbitraryAnswer } from "../../support/arbitrary-model.ts"
import { checkProperty } from "../../support/property.ts"

const end = { type: "answer-end", stop: "max_tokens" }

test.each([
  [
    [{ type: "text-start" }, { type: "text-delta", text: "ha" }],
    [{ type: "text-end" }, end],
  ],
  [[{ type: "reasoning-start" }], [{ type: "reasoning-end" }, end]],
  [
    [{ type: "tool-call-start", tool: "function", call_id: "c", name: "f" }],
    [{ type: "tool-call-end", is_cut: true }, end],
  ],
  [[{ type: "text-start" }, { type: "text-end" }], [end]],
  [[], [end]],
] as never[])("%j goes on with %j", (events, rest) => {
  expect(cutAnswer(events)).toEqual([...(events as never[]), ...(rest as never[])])
})

test("a hosted call that was under way is left out", () => {
  const text = [{ type: "text-start" as const }, { type: "text-end" as const }]
  expect(cutAnswer([...text, { type: "hosted-call-start", call_type: "web_search_call" }])).toEqual([
    ...text,
    end,
  ] as never)
})

test("every client can be given any answer, cut anywhere", () => {
  const start = { id: "x_1", created_at: 0, model: "m" }
  checkProperty(import.meta.path, fc.tuple(arbitraryAnswer, fc.nat()), ([events, at]) => {
    const cut = cutAnswer(
      events.filter(event => !/^answer-(end|failed)/.test(event.type)).slice(0, at % (events.length + 1)),
    )
    for (const client of Object.values(CLIENTS)) expect(() => client.collect(start, cut)).not.toThrow()
  })
})
