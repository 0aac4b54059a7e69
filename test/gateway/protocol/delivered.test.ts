/** What a whole answer says is measured as in a stream. */
import { expect, test } from "bun:test"
import { deliveredBytes } from "../../../src/gateway/protocol/delivered.ts"

test("text, thinking with its seal and arguments count as they stand in JSON; nothing else does", () => {
  expect(
    deliveredBytes([
      { type: "answer-start", id: "a" },
      { type: "reasoning-start" },
      { type: "reasoning-delta", of: "text", index: 0, text: "hm" },
      { type: "reasoning-end", sealed: "seal" },
      { type: "text-start" },
      { type: "text-delta", text: 'ü"\n' },
      { type: "text-end" },
      { type: "tool-call-start", tool: "function", call_id: "c", name: "f" },
      { type: "tool-call-delta", text: "{}" },
      { type: "tool-call-end" },
      { type: "answer-end", stop: "tool_call" },
    ]),
  ).toBe(2 + 4 + 6 + 2)
})
