/** Reading Chat streams as real upstreams send them: what they leave out, add, interleave and repeat. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { chatUpstream } from "../../../../src/gateway/protocol/openai-chat/codec.ts"
import { readAnswer } from "../../../../src/gateway/protocol/openai-chat/read-events.ts"
import { chunk, chunksOf, readChat } from "../../../support/chat-streams.ts"

const start: ModelEvent = { type: "answer-start", id: "c1", model: "up" }
const call = (index: number | undefined, id: string | undefined, name: string | undefined, text: string) =>
  chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: text } }] })
const stop = (reason = "stop") => chunk({}, reason)

/** An answer as one line per block. */
function outline(events: readonly ModelEvent[]): string[] {
  const lines: string[] = []
  for (const event of events) {
    if (event.type === "tool-call-start") lines.push(`${event.tool} ${event.call_id} ${event.name} `)
    else if (event.type === "text-start") lines.push(event.is_refusal ? "refusal " : "text ")
    else if (event.type === "reasoning-start") lines.push("reasoning ")
    else if ("text" in event) lines[lines.length - 1] += event.text
    else if (event.type === "tool-call-end" && event.is_cut) lines[lines.length - 1] += " (cut)"
    else if (event.type === "answer-end") lines.push(`end ${event.stop}`)
    else if (event.type === "answer-failed") lines.push(`failed ${event.code}: ${event.message}`)
  }
  return lines
}

const read = (...chunks: unknown[]): string[] => outline(readChat(chunks))

describe("texts", () => {
  test("the shortest stream, event by event", () => {
    const chunks = [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "hi" }),
      chunk({ content: "!" }),
    ]
    expect(readChat([...chunks, stop()])).toEqual([
      start,
      { type: "text-start" },
      { type: "text-delta", text: "hi" },
      { type: "text-delta", text: "!" },
      { type: "text-end" },
      { type: "answer-end", stop: "end" },
    ])
  })

  test("role-only chunks, empty choices and null content open nothing and break nothing", () => {
    const empty = { id: "c1", choices: [], prompt_filter_results: [] }
    const nothing = [
      empty,
      chunk({ role: "assistant" }),
      chunk({ content: null }),
      chunk({}),
      { choices: [{}] },
    ]
    expect(read(...nothing, chunk({ content: "a" }), ...nothing, chunk({ content: "b" }), stop())).toEqual([
      "text ab",
      "end end",
    ])
  })

  test("thinking comes under three names, and ends where the text begins", () => {
    const both = { reasoning: "b", reasoning_details: [{ type: "reasoning.text", text: "b" }] }
    const detail = { reasoning_details: [{ type: "reasoning.summary", summary: "c" }] }
    const chunks = [chunk({ content: "", reasoning_content: "a" }), chunk(both), chunk(detail)]
    expect(read(...chunks, chunk({ content: "t", reasoning_content: null }), stop())).toEqual([
      "reasoning abc",
      "text t",
      "end end",
    ])
  })

  test("thinking between texts is a block of its own", () => {
    const chunks = [chunk({ content: "a" }), chunk({ reasoning_content: "b" }), chunk({ content: "c" })]
    expect(read(...chunks, stop())).toEqual(["text a", "reasoning b", "text c", "end end"])
  })

  test("content may be a list of parts with thinking in it (Mistral)", () => {
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
      { type: "text", text: "so" },
    ]
    expect(read(chunk({ content }), stop())).toEqual(["reasoning hm", "text so", "end end"])
  })

  test("a refusal is text of its own kind", () => {
    expect(read(chunk({ refusal: "No" }), chunk({ refusal: "." }), stop())).toEqual([
      "refusal No.",
      "end end",
    ])
  })

  test("sources belong to the open text; others are not read", () => {
    const source = { url: "https://x.test", title: "X", start_index: 0, end_index: 4 }
    const annotations = [{ type: "url_citation", url_citation: source }, { type: "file_citation" }, 7]
    const events = readChat([
      chunk({ annotations }),
      chunk({ content: "text" }),
      chunk({ annotations }),
      stop(),
    ])
    expect(events.filter(event => event.type === "text-citation")).toEqual([
      { type: "text-citation", citation: source },
    ])
  })
})

describe("calls", () => {
  test("the recorded stream: a call in pieces, usage behind the finish_reason", () => {
    const path = join(import.meta.dir, "../../../fixtures/sdk/20-chat-stream-tool-call-accepted.sse")
    expect(readChat(chunksOf(readFileSync(path, "utf8")))).toEqual([
      { type: "answer-start", id: "chatcmpl-1", model: "gpt-x" },
      { type: "tool-call-start", tool: "function", call_id: "call_1", name: "f" },
      { type: "tool-call-delta", text: '{"a":' },
      { type: "tool-call-delta", text: "1}" },
      { type: "tool-call-end" },
      {
        type: "usage",
        reported: {
          usage: {
            input_tokens: 6,
            cache_read_tokens: 4,
            cache_write_5m_tokens: 0,
            cache_write_1h_tokens: 0,
            output_tokens: 5,
            reasoning_tokens: 2,
            web_search_count: 0,
          },
        },
      },
      { type: "answer-end", stop: "tool_call" },
    ])
  })

  const cases: [string, unknown[], string[]][] = [
    [
      "interleaved arguments stay apart and in order",
      [
        call(0, "a", "f", '{"x"'),
        call(1, "b", "g", '{"y"'),
        call(0, undefined, undefined, ":1}"),
        call(1, undefined, undefined, ":2}"),
      ],
      ['function a f {"x":1}', 'function b g {"y":2}'],
    ],
    [
      "ids and names that are repeated in every piece",
      [call(0, "a", "f", "{"), call(0, "a", "f", "}")],
      ["function a f {}"],
    ],
    [
      "an id that changes from piece to piece",
      [call(0, "a", "f", '{"x":'), call(0, "b", "", "1}")],
      ['function a f {"x":1}'],
    ],
    [
      "a name in pieces",
      [call(0, "a", "get_", ""), call(0, undefined, "weather", ""), call(0, undefined, undefined, "{}")],
      ["function a get_weather {}"],
    ],
    [
      "a name that comes after the arguments",
      [call(0, "a", undefined, "{"), call(0, undefined, undefined, "}"), call(0, undefined, "f", "")],
      ["function a f {}"],
    ],
    [
      "no index: told apart by id, continued without",
      [
        call(undefined, "a", "f", "{"),
        call(undefined, undefined, undefined, "}"),
        call(undefined, "b", "g", "{}"),
      ],
      ["function a f {}", "function b g {}"],
    ],
    [
      "neither index nor id: a new name after whole arguments is a new call",
      [call(undefined, undefined, "f", '{"a":1}'), call(undefined, undefined, "f", '{"a":2}')],
      ['function call_c1_1 f {"a":1}', 'function call_c1_2 f {"a":2}'],
    ],
    [
      "all calls at index 0 with ids of their own (Gemini)",
      [call(0, "a", "f", '{"a":1}'), call(0, "b", "f", '{"a":2}')],
      ['function a f {"a":1}', 'function b f {"a":2}'],
    ],
    [
      "the same id for two calls: the second gets one of its own",
      [call(0, "a", "f", "{}"), call(1, "a", "g", "{}")],
      ["function a f {}", "function call_c1_2 g {}"],
    ],
    ["no id at all", [call(0, undefined, "f", "{}")], ["function call_c1_1 f {}"]],
    [
      "no arguments are {}",
      [call(0, "a", "f", ""), call(1, "b", "g", "")],
      ["function a f {}", "function b g {}"],
    ],
    [
      "digits beyond 2^53",
      [call(0, "a", "f", '{"n": 9007199254740993}')],
      ['function a f {"n": 9007199254740993}'],
    ],
    [
      "arguments as an object",
      [chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: { b: 1 } } }] })],
      ['function a f {"b":1}'],
    ],
    [
      "a custom call",
      [
        chunk({ tool_calls: [{ index: 0, id: "a", type: "custom", custom: { name: "p", input: "" } }] }),
        chunk({ tool_calls: [{ index: 0, custom: { input: "*** Begin" } }] }),
      ],
      ["custom a p *** Begin"],
    ],
    [
      "a legacy function_call",
      [chunk({ function_call: { name: "f", arguments: "" } }), chunk({ function_call: { arguments: "{}" } })],
      ["function call_c1_1 f {}"],
    ],
    [
      "text after a complete call does not wait",
      [call(0, "a", "f", "{}"), chunk({ content: "done" })],
      ["function a f {}", "text done"],
    ],
    [
      "text between the pieces of a call waits for its end",
      [call(0, "a", "f", '{"a":'), chunk({ content: "x" }), call(0, undefined, undefined, "1}")],
      ['function a f {"a":1}', "text x"],
    ],
  ]
  test.each(cases)("%s", (_name, chunks, lines) => {
    expect(read(...chunks, stop("tool_calls"))).toEqual([...lines, "end tool_call"])
  })

  test("a second call is heard of while it is written, once the first is complete", () => {
    const reader = chatUpstream.startReading()
    reader.read(call(0, "a", "f", "{}"))
    const second = reader.read(call(1, "b", "g", '{"y'))
    expect(second.map(event => event.type)).toEqual(["tool-call-end", "tool-call-start", "tool-call-delta"])
  })

  test("text behind a complete call is heard at once", () => {
    const reader = chatUpstream.startReading()
    reader.read(call(0, "a", "f", "{}"))
    const text = reader.read(chunk({ content: "x" })).map(event => event.type)
    expect(text).toEqual(["tool-call-end", "text-start", "text-delta"])
  })

  test("a call that nobody named cannot be made, and then the model did not stop for one", () => {
    expect(read(call(0, "a", undefined, "{}"), stop("tool_calls"))).toEqual(["end end"])
  })

  test("what comes late for a complete call is not a call of its own", () => {
    const chunks = [call(0, "a", "f", "{}"), call(1, "b", "g", "{}"), call(0, "a", undefined, " ")]
    expect(read(...chunks, stop())).toEqual(["function a f {}", "function b g {}", "end tool_call"])
  })
})

describe("ends", () => {
  test.each([
    ["stop", "end end"],
    ["end_turn", "end end"],
    ["toString", "end end"],
    ["length", "end max_tokens"],
    ["model_length", "end max_tokens"],
    ["content_filter", "end content_filter"],
    ["tool_calls", "end end"],
    ["error", "failed server_error: The upstream broke its answer off."],
    ["insufficient_system_resource", "failed server_error: The upstream broke its answer off."],
  ])("finish_reason %s is %s", (reason, line) => {
    expect(read(chunk({ content: "a" }), stop(reason))).toEqual(["text a", line])
  })

  test("a call makes it tool_call even when the upstream says stop, and a cut call says so", () => {
    expect(read(call(0, "a", "f", "{}"), stop("stop")).at(-1)).toBe("end tool_call")
    expect(read(call(0, "a", "f", '{"a'), stop("length"))).toEqual([
      'function a f {"a (cut)',
      "end max_tokens",
    ])
    expect(read(call(0, "a", "f", "{}"), stop("length"))).toEqual(["function a f {}", "end max_tokens"])
    expect(read(call(0, "a", "f", ""), stop("length"))).toEqual(["function a f  (cut)", "end max_tokens"])
  })

  test("a stream without finish_reason has failed, and its usage is reported all the same", () => {
    const usage = { prompt_tokens: 3, completion_tokens: 1 }
    const events = readChat([chunk({ content: "a" }), { ...chunk({}), usage }])
    expect(events.map(event => event.type).slice(-2)).toEqual(["usage", "answer-failed"])
    expect(events.some(event => event.type === "text-end")).toBe(false)
  })

  test("the end is said once", () => {
    const reader = chatUpstream.startReading()
    reader.read(stop())
    expect(reader.end()).toEqual([{ type: "answer-end", stop: "end" }])
    expect([...reader.end(), ...reader.read(chunk({ content: "x" }))]).toEqual([])
  })

  test("after the finish_reason only usage and errors are heard", () => {
    expect(read(chunk({ content: "a" }), stop(), chunk({ content: "b" }), stop("length"))).toEqual([
      "text a",
      "end end",
    ])
    expect(read(stop(), { error: { message: "late", code: "x" } })).toEqual(["failed x: late"])
  })

  const usage = (prompt_tokens: number) => ({ prompt_tokens, completion_tokens: 1 })
  test.each([
    ["behind the finish_reason", [stop(), { choices: [], usage: usage(7) }]],
    ["in its chunk", [{ ...stop(), usage: usage(7) }]],
    [
      "in every chunk, the last counts",
      [
        { ...chunk({ content: "a" }), usage: usage(3) },
        { ...stop(), usage: usage(7) },
      ],
    ],
    ["inside the choice", [{ choices: [{ delta: {}, finish_reason: "stop", usage: usage(7) }] }]],
    [
      "null afterwards is no report",
      [
        { ...stop(), usage: usage(7) },
        { choices: [], usage: null },
      ],
    ],
  ])("usage %s", (_name, chunks) => {
    const found = readChat(chunks).filter(event => event.type === "usage")
    expect(found).toMatchObject([{ reported: { usage: { input_tokens: 7, output_tokens: 1 } } }])
  })
})

describe("errors", () => {
  const text = chunk({ content: "a" })
  test.each([
    [{ error: { message: "m", type: "t", param: null, code: "c" } }, "failed c: m"],
    [{ error: { message: "m", type: "rate_limit_error", code: null } }, "failed rate_limit_exceeded: m"],
    [{ error: { message: "m", code: 429 } }, "failed rate_limit_exceeded: m"],
    [{ error: { message: "m", code: 502 } }, "failed server_error: m"],
    [{ error: { type: "error" } }, "failed server_error: The upstream failed without saying why."],
    [{ error: "gone" }, "failed server_error: gone"],
    [{ object: "error", message: "m", type: "BadRequestError", code: 400 }, "failed server_error: m"],
    [{ choices: [{ error: { code: 502, message: "m" }, delta: {} }] }, "failed server_error: m"],
  ])("%j", (wire, line) => {
    expect(read(text, wire, text, stop())).toEqual(["text a", line])
  })

  test("error: null is no error", () => {
    expect(read({ ...text, error: null }, stop())).toEqual(["text a", "end end"])
  })
})

describe("whole answers", () => {
  const answer = (message: object, finish_reason?: string) => ({
    id: "c1",
    model: "up",
    choices: [{ index: 0, message, finish_reason }],
    usage: { prompt_tokens: 1, completion_tokens: 2 },
  })

  test("are read as the stream they stand for", () => {
    const tool_calls = [
      { id: "a", type: "function", function: { name: "f", arguments: '{"n":1.0}' } },
      { id: "b", type: "custom", custom: { name: "p", input: "raw" } },
    ]
    const message = { role: "assistant", reasoning_content: "hm", content: "so", refusal: null, tool_calls }
    expect(outline(readAnswer(answer(message, "tool_calls")))).toEqual([
      "reasoning hm",
      "text so",
      'function a f {"n":1.0}',
      "custom b p raw",
      "end tool_call",
    ])
  })

  test("two calls of the same function without ids are two calls", () => {
    const tool_calls = [
      { function: { name: "f", arguments: "{" } },
      { function: { name: "f", arguments: "{" } },
    ]
    expect(outline(readAnswer(answer({ tool_calls })))).toHaveLength(3)
  })

  test("are complete without a finish_reason, and fail when they are none", () => {
    expect(outline(readAnswer(answer({ content: "a" })))).toEqual(["text a", "end end"])
    expect(outline(readAnswer({ error: { message: "m", code: "c" } }))).toEqual(["failed c: m"])
    for (const body of [null, 1, "x", {}, { choices: "x" }, { choices: [] }, { choices: [null] }]) {
      expect(readAnswer(body).at(-1)?.type).toBe("answer-failed")
    }
  })
})
