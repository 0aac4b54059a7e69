/** How much the model is asked to think, and what the upstream refuses beside it. */
import { describe, expect, test } from "bun:test"
import type { WireRequest } from "../../../../src/gateway/protocol/anthropic-messages/wire.ts"
import { writeRequest } from "../../../../src/gateway/protocol/anthropic-messages/write-request.ts"
import type { Item, ModelRequest, Tool } from "../../../../src/gateway/protocol/model-request.ts"
import type { Target } from "../../../../src/gateway/protocol/target.ts"
import { callOf, messageOf, resultOf } from "../../../support/items.ts"
import { targetOf } from "../../../support/target.ts"

const TARGET = targetOf("anthropic-messages", {
  model: "claude-up",
  reasoning_efforts: ["low", "medium", "high", "max"],
})
const EMPTY: ModelRequest = { model: "m", instructions: [], items: [], tools: [], stream: true }

const write = (rest: Partial<ModelRequest>, target: Partial<Target> = {}): WireRequest =>
  writeRequest({ ...EMPTY, ...rest }, { ...TARGET, ...target })
const call = (call_id: string, args = "{}"): Item => callOf(call_id, { name: "f", arguments: args })
const f: Tool = { kind: "function", name: "f" }

describe("thinking", () => {
  const wishes: [Partial<ModelRequest>, object][] = [
    [
      { reasoning: { effort: "high" } },
      { thinking: { type: "adaptive" }, output_config: { effort: "high" } },
    ],
    [{ reasoning: { effort: "xhigh" } }, { output_config: { effort: "max" } }],
    [{ reasoning: { effort: "minimal" } }, { output_config: { effort: "low" } }],
    [{ reasoning: { effort: "none" } }, { thinking: { type: "disabled" } }],
    [{ reasoning: {} }, { thinking: { type: "adaptive" } }],
    [{ reasoning: { budget_tokens: 5000 } }, { thinking: { type: "enabled", budget_tokens: 5000 } }],
    [
      { reasoning: { budget_tokens: 50_000 }, max_output_tokens: 2000 },
      { thinking: { type: "enabled", budget_tokens: 1999 } },
    ],
    [{ reasoning: { budget_tokens: 5000 }, max_output_tokens: 500 }, { thinking: { type: "disabled" } }],
    [
      { reasoning: { effort: "high" }, tools: [f], tool_choice: "required" },
      { thinking: { type: "disabled" } },
    ],
  ]
  for (const [wish, expected] of wishes) {
    test(`${JSON.stringify(wish)} is ${JSON.stringify(expected)}`, () =>
      expect(write(wish)).toMatchObject(expected))
  }

  test("an unknown word is not sent, and neither is any to a model that does not reason", () => {
    expect(write({ reasoning: { effort: "zzz" } })).not.toHaveProperty("output_config")
    expect(write({ reasoning: { effort: "high" } }, { reasoning_efforts: [] })).not.toHaveProperty("thinking")
    expect(write({})).not.toHaveProperty("thinking")
  })

  test("a budget is not asked for in the middle of a step that another upstream began", () => {
    const items = [messageOf("user", "a"), call("1"), resultOf("1")]
    const body = write({ items, tools: [f], reasoning: { budget_tokens: 5000 } })
    expect(body.thinking).toEqual({ type: "disabled" })
  })

  test("sampling is left out while thinking, and never both values are sent", () => {
    const sampling = { temperature: 1.5, top_p: 0.5 }
    const thinking = write({ ...sampling, reasoning: { effort: "high" } })
    expect(thinking).not.toHaveProperty("temperature")
    expect(thinking).not.toHaveProperty("top_p")
    expect(write(sampling)).toMatchObject({ temperature: 1 })
    expect(write(sampling)).not.toHaveProperty("top_p")
    expect(write({ top_p: 0.5 })).toMatchObject({ top_p: 0.5 })
  })
})
