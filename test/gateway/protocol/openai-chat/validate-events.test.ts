/** The checker of Chat streams finds every broken law, each on its own. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import { chatClient } from "../../../../src/gateway/protocol/openai-chat/codec.ts"
import { validateEvents } from "../../../../src/gateway/protocol/openai-chat/validate-events.ts"
import { chunk, chunksOf, readChat, writeChat } from "../../../support/chat-streams.ts"

type Event = JsonObject | "[DONE]"
const role = chunk({ role: "assistant", content: "" })
const stop = chunk({}, "stop")
const usage = {
  ...chunk({}),
  choices: [],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
}
const open = (index: number, id = `c${index}`) =>
  chunk({ tool_calls: [{ index, id, type: "function", function: { name: "f", arguments: "" } }] })
const more = (index: number, rest = {}) =>
  chunk({ tool_calls: [{ index, function: { arguments: "{}" }, ...rest }] })
const error = { error: { message: "m", type: "server_error", param: null, code: "c" } }

describe("legal streams", () => {
  const legal: [string, Event[]][] = [
    ["text", [role, chunk({ content: "hi" }), stop, "[DONE]"]],
    ["no [DONE] (sdk-wire 2)", [role, stop]],
    ["calls and usage", [role, open(0), more(0), open(1), chunk({}, "tool_calls"), usage, "[DONE]"]],
    ["a cut call", [role, open(0), chunk({}, "length")]],
    ["a failure", [role, error]],
    ["a failure at once", [error]],
  ]
  test.each(legal)("%s", (_name, events) => expect(validateEvents(events)).toEqual([]))

  test("the recorded stream, as it came and written again", () => {
    const path = join(import.meta.dir, "../../../fixtures/sdk/20-chat-stream-tool-call-accepted.sse")
    const recorded = chunksOf(readFileSync(path, "utf8"))
    expect(validateEvents(recorded)).toEqual([])
    expect(validateEvents(chunksOf(writeChat(readChat(recorded))))).toEqual([])
  })
})

describe("broken laws", () => {
  const broken: [string, Event[]][] = [
    ["has no finish_reason", [role]],
    ["follows the end", [role, stop, "[DONE]", usage]],
    ["follows the end", [error, stop]],
    ["[DONE] without a finish_reason", ["[DONE]"]],
    ["an error after the finish_reason", [role, stop, error]],
    ["an error without message and type", [role, { error: "m" }]],
    [
      "lacks id, model or created",
      [
        { ...role, created: "now" },
        { ...stop, created: "now" },
      ],
    ],
    ["another id, model or created", [role, { ...stop, id: "c2" }]],
    ["another id, model or created", [role, { ...stop, created: 2 }]],
    ["another object", [{ ...role, object: "chat.completion" }, stop]],
    ["no list of choices", [role, { ...stop, choices: undefined }, stop]],
    ["more than one choice", [{ ...role, choices: [role, role].flatMap(each => each.choices as []) }, stop]],
    ["another index than 0", [{ ...role, choices: [{ index: 1, delta: { role: "assistant" } }] }, stop]],
    ["has no delta", [role, { ...stop, choices: [{ index: 0, finish_reason: "stop" }] }]],
    ["no choices where none is due", [role, usage, stop]],
    ["no choices where none is due", [role, stop, usage, usage]],
    ["a total that is not", [role, stop, { ...usage, usage: { prompt_tokens: 1 } }]],
    ["follows the finish_reason", [role, stop, chunk({ content: "x" })]],
    ["follows the finish_reason", [role, stop, stop]],
    ["unknown finish_reason", [role, chunk({}, "done")]],
    ["tool_calls without a call", [role, chunk({}, "tool_calls")]],
    ["tool_calls without a call", [role, open(0), stop]],
    ["a role that is not first", [role, role, stop]],
    ["a role that is not first", [chunk({ content: "x" }), stop]],
    ["a content that is no text", [role, chunk({ content: 1 }), stop]],
    ["a reasoning_content that is no text", [role, chunk({ reasoning_content: null }), stop]],
    ["tool_calls that are no list", [role, chunk({ tool_calls: {} }), stop]],
    [
      "neither function nor custom",
      [role, chunk({ tool_calls: [{ index: 0, id: "a" }] }), chunk({}, "tool_calls")],
    ],
    ["without id", [role, open(0, ""), chunk({}, "tool_calls")]],
    ["the id of another", [role, open(0, "a"), open(1, "a"), chunk({}, "tool_calls")]],
    ["without name", [role, chunk({ tool_calls: [{ index: 0, id: "a", type: "function" }] }), stop]],
    ["a call index that was used", [role, open(0), open(1), more(0), chunk({}, "tool_calls")]],
    ["left out", [role, open(1), chunk({}, "tool_calls")]],
    ["repeats the id", [role, open(0), more(0, { id: "c0" }), chunk({}, "tool_calls")]],
    ["without a piece of its arguments", [role, open(0), more(0, { function: {} }), chunk({}, "tool_calls")]],
  ]
  test.each(broken)("%s", (complaint, events) => {
    expect(validateEvents(events).join(" ")).toContain(complaint)
  })
})

test("the gateway's checker takes parsed data and ignores what is none", () => {
  const validator = chatClient.startValidating()
  for (const data of [role, null, stop, "[DONE]"]) validator.note(undefined, data)
  expect(validator.end()).toEqual([])
  expect(chatClient.startValidating().end()).toHaveLength(1)
})
