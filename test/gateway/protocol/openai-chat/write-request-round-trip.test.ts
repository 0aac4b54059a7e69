/** The laws of gateway.md for the Chat protocol, over generated requests and answers. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import type { Item, ModelRequest, Tool } from "../../../../src/gateway/protocol/model-request.ts"
import { collectCompletion } from "../../../../src/gateway/protocol/openai-chat/collect.ts"
import { readAnswer } from "../../../../src/gateway/protocol/openai-chat/read-events.ts"
import { readRequest } from "../../../../src/gateway/protocol/openai-chat/read-request.ts"
import { validateEvents } from "../../../../src/gateway/protocol/openai-chat/validate-events.ts"
import { wholeAnswer } from "../../../../src/gateway/protocol/openai-chat/whole-answer.ts"
import { writeRequest } from "../../../../src/gateway/protocol/openai-chat/write-request.ts"
import type { Target } from "../../../../src/gateway/protocol/target.ts"
import { endsAnswer } from "../../../support/answer-end.ts"
import {
  arbitraryAnswer,
  arbitraryArguments,
  arbitraryFailure,
  arbitraryRequest,
  arbitraryText,
} from "../../../support/arbitrary-model.ts"
import { CHAT_START, chunksOf, readChat, writeChat } from "../../../support/chat-streams.ts"
import { checkProperty } from "../../../support/property.ts"

const here = import.meta.path
const anyAnswer = fc.oneof(
  { weight: 3, arbitrary: arbitraryAnswer },
  { weight: 1, arbitrary: arbitraryFailure },
)

const target: Target = {
  protocol: "openai-chat",
  upstream_id: "up",
  model: "model-up",
  quirks: new Set(["reasoning-content"]),
  tool_name_length: 64,
  max_output_tokens: 4_096,
  reasoning_efforts: ["none", "low", "medium", "xhigh", "max", "zzz"],
}

const said = (role: "user" | "system" | "assistant") => (text: string) =>
  ({ kind: "message", role, parts: [{ kind: "text", text }] }) as Item

/** A turn: something said, then steps of thinking, text and calls with all their results. */
const steps = fc.array(
  fc.record({
    thought: fc.option(arbitraryText, { nil: undefined }),
    text: fc.option(arbitraryText, { nil: undefined }),
    calls: fc.array(
      fc.record({ name: fc.constantFrom("f", "g"), args: arbitraryArguments, result: fc.string() }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  }),
  { maxLength: 3 },
)
const picture: Item = {
  kind: "message",
  role: "user",
  parts: [
    { kind: "text", text: "see" },
    { kind: "image", url: "https://x.test/a.png", detail: "high" },
    { kind: "text", text: "and say" },
    { kind: "file", data: "data:application/pdf;base64,AA", filename: "a.pdf" },
  ],
}
const opening = fc.oneof(arbitraryText.map(said("user")), fc.constant(picture))

const conversation: fc.Arbitrary<Item[]> = fc
  .tuple(opening, steps, fc.array(fc.oneof(opening, arbitraryText.map(said("system"))), { maxLength: 2 }))
  .map(([first, turns, rest]) => [
    first,
    ...turns.flatMap(({ thought, text, calls }, turn): Item[] => [
      ...(thought === undefined ? [] : [{ kind: "reasoning" as const, summary: [], text: [thought] }]),
      ...(text === undefined ? [] : [said("assistant")(text)]),
      ...calls.map(({ name, args }, index): Item => {
        const call_id = `call_${turn}_${index}`
        return { kind: "tool-call", tool: "function", call_id, name, arguments: args }
      }),
      ...calls.map(({ result }, index): Item => {
        const call_id = `call_${turn}_${index}`
        return { kind: "tool-result", tool: "function", call_id, output: result }
      }),
    ]),
    ...rest,
  ])

const tools: Tool[] = [
  { kind: "function", name: "f", description: "d", parameters: { type: "object" }, is_strict: true },
  { kind: "function", name: "g" },
]

/** Requests that both a Chat body of ours and a ModelRequest can say. */
const sayable: fc.Arbitrary<ModelRequest> = fc
  .tuple(arbitraryRequest, conversation, fc.boolean(), fc.constantFrom("none", "f", "auto"))
  .map(([request, items, has_tools, choice]) => {
    const { tool_choice: _, parallel_tool_calls, reasoning, ...rest } = request
    for (const lost of [
      "wants_sealed_reasoning",
      "verbosity",
      "cache_key",
      "service_tier",
      "metadata",
    ] as const) {
      delete rest[lost]
    }
    return {
      ...rest,
      model: target.model,
      items,
      tools: has_tools ? tools : [],
      ...(has_tools && choice === "f" ? { tool_choice: { tool: "function" as const, name: "f" } } : {}),
      ...(has_tools && choice === "auto" ? { tool_choice: "auto" as const } : {}),
      ...(has_tools && parallel_tool_calls !== undefined ? { parallel_tool_calls } : {}),
      ...(reasoning?.effort === undefined ? {} : { reasoning: { effort: reasoning.effort } }),
    }
  })

const written = (request: ModelRequest): JsonObject =>
  JSON.parse(JSON.stringify(writeRequest(request, target)))

describe("requests", () => {
  test("law 5: reading what was written gives the same request", () => {
    checkProperty(here, sayable, request => {
      expect(readRequest(written(request))).toEqual({ ok: true, request })
    })
  })

  test("the same request is written as the same bytes, so that prompt caches hit", () => {
    checkProperty(here, sayable, request => {
      const read = readRequest(written(request))
      if (!read.ok) throw new Error(read.message)
      expect(JSON.stringify(writeRequest(read.request, target))).toBe(
        JSON.stringify(writeRequest(request, target)),
      )
    })
  })

  test("any request of any protocol is written as one that can be read", () => {
    checkProperty(here, arbitraryRequest, request => {
      const body = written(request)
      fc.pre((body.messages as unknown[]).length > 0)
      expect(readRequest(body)).toMatchObject({ ok: true })
    })
  })

  test("law 6: arguments in the history are byte-exact", () => {
    checkProperty(here, conversation, items => {
      const { messages } = written({ model: "m", instructions: [], items, tools: [], stream: false })
      const calls = (messages as JsonObject[]).flatMap(message => (message.tool_calls ?? []) as JsonObject[])
      const texts = calls.map(call => (call.function as JsonObject).arguments)
      expect(texts).toEqual(items.flatMap(item => (item.kind === "tool-call" ? [item.arguments] : [])))
    })
  })
})

/**
 * What an answer says on this wire: texts of a kind that stand together joined, thinking of any form as one, calls by
 * id; without hosted calls, sealed reasoning, citations and what is lost by the table.
 */
function gist(events: readonly ModelEvent[]): unknown[] {
  const found: { kind: string; text: string }[] = []
  let kind = ""
  let part = ""
  const add = (text: string) => {
    const last = found.at(-1)
    if (last?.kind === kind && !kind.startsWith("call")) last.text += text
    else found.push({ kind, text })
  }
  for (const event of events) {
    if (event.type === "text-start") kind = event.is_refusal ? "refusal" : "text"
    if (event.type === "reasoning-start") part = ""
    if (event.type === "text-delta") add(event.text)
    if (event.type === "reasoning-delta") {
      const next = `${event.of}:${event.index}`
      kind = "reasoning"
      add(part !== "" && part !== next ? `\n\n${event.text}` : event.text)
      part = next
    }
    if (event.type === "tool-call-start") {
      const tool = event.tool === "custom" ? "custom" : "function"
      found.push({ kind: `call ${tool} ${event.call_id} ${event.name}`, text: "" })
    }
    if (event.type === "tool-call-delta") found.at(-1)!.text += event.text
  }
  return found
}

const endOf = (events: readonly ModelEvent[]) => events.at(-1)
const usageOf = (events: readonly ModelEvent[]) => events.find(event => event.type === "usage")

/** Neither overlapping nor left open, except where the answer failed. */
function expectLegal(events: readonly ModelEvent[]): void {
  let open = 0
  for (const { type } of events) {
    if (type.startsWith("answer")) continue
    if (type.endsWith("-start")) open += 1
    if (type.endsWith("-end")) open -= 1
    expect(open === 0 || open === 1).toBe(true)
    if (type.endsWith("-delta") || type === "text-citation") expect(open).toBe(1)
  }
  expect(events.filter(endsAnswer)).toHaveLength(1)
  expect(endsAnswer(endOf(events)!)).toBe(true)
  if (endOf(events)!.type === "answer-end") expect(open).toBe(0)
}

describe("answers", () => {
  test("laws 2 and 3: every written stream is legal", () => {
    checkProperty(here, anyAnswer, events => {
      expect(validateEvents(chunksOf(writeChat(events)))).toEqual([])
    })
  })

  test("law 2: the stream ends once, also when more events follow", () => {
    checkProperty(here, fc.tuple(anyAnswer, anyAnswer), ([first, second]) => {
      expect(writeChat([...first, ...second])).toBe(writeChat(first))
    })
  })

  test("law 5: reading what was written says the same, ends the same and counts the same", () => {
    checkProperty(here, arbitraryAnswer, events => {
      const read = readChat(chunksOf(writeChat(events)))
      expectLegal(read)
      expect(gist(read)).toEqual(gist(events))
      expect(endOf(read)).toEqual(endOf(events)!)
      expect(usageOf(read)).toEqual(usageOf(events))
    })
  })

  test("law 8: reading a failed answer invents nothing and fails in the same words", () => {
    checkProperty(here, arbitraryFailure, events => {
      const read = readChat(chunksOf(writeChat(events)))
      expectLegal(read)
      expect(endOf(read)).toEqual(endOf(events)!)
      // A text behind a call that was not complete waits for it, and is gone with it.
      const whole = gist(events)
      for (const [index, part] of gist(read).entries()) expect(part).toEqual(whole[index]!)
    })
  })

  test("law 4: the whole answer says what the stream says", () => {
    checkProperty(here, arbitraryAnswer, events => {
      const whole = collectCompletion(CHAT_START, events)
      const read = readAnswer(JSON.parse(JSON.stringify(whole)))
      expectLegal(read)
      // A message has one text, one thinking and one list of calls: only what stands in each can be compared.
      const sorted = (list: unknown[]) => joined(list as { kind: string; text: string }[])
      expect(sorted(gist(read))).toEqual(sorted(gist(events)))
      expect(endOf(read)).toEqual(endOf(events)!)
      expect(usageOf(read)).toEqual(usageOf(events))
    })
  })

  test("law 4: the whole answer of the written stream is the collected one", () => {
    checkProperty(here, arbitraryAnswer, events => {
      const latin1 = Buffer.from(writeChat(events)).toString("latin1")
      expect(JSON.parse(wholeAnswer(latin1)!)).toEqual(collectCompletion(CHAT_START, events))
    })
  })

  test("law 2: a stream that breaks off before its finish_reason has failed", () => {
    checkProperty(here, fc.tuple(arbitraryAnswer, fc.nat(60)), ([events, length]) => {
      const chunks = chunksOf(writeChat(events, { ...CHAT_START, shows_usage: false })).slice(0, -2)
      const cut = readChat(chunks.slice(0, length))
      expectLegal(cut)
      expect(endOf(cut)).toMatchObject({ type: "answer-failed", code: "server_error" })
    })
  })

  test("law 8: an error never becomes text of the assistant", () => {
    checkProperty(here, arbitraryText, words => {
      const failed: ModelEvent[] = [
        { type: "answer-start" },
        { type: "text-start" },
        { type: "text-delta", text: "said" },
        { type: "answer-failed", code: "server_error", message: words },
      ]
      const chunks = chunksOf(writeChat(failed))
      expect(chunks).toHaveLength(2)
      expect(chunks[1]).toEqual({
        error: { message: words, type: "server_error", param: null, code: "server_error" },
      })
    })
  })
})

function joined(list: { kind: string; text: string }[]): unknown {
  const texts: Record<string, string> = {}
  for (const { kind, text } of list) texts[kind] = (texts[kind] ?? "") + text
  return texts
}

describe("nonsense from upstreams", () => {
  test("never throws and says nothing", () => {
    checkProperty(here, fc.array(fc.jsonValue(), { maxLength: 5 }), values => {
      expect(readChat(values).map(event => event.type)).toEqual(["answer-start", "answer-failed"])
    })
  })

  const anything = fc.oneof(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }))
  const call = fc.record(
    {
      index: fc.oneof(fc.nat(2), anything),
      id: fc.oneof(fc.constantFrom("a", "b", ""), anything),
      type: fc.constantFrom("function", "custom", 1),
      function: fc.record({
        name: fc.constantFrom("f", "g", "", 1),
        arguments: fc.oneof(anything, fc.constant("{}")),
      }),
      custom: fc.record({ name: fc.constantFrom("f", null), input: anything }),
    },
    { requiredKeys: [] },
  )
  const delta = fc.record(
    {
      role: anything,
      content: anything,
      refusal: anything,
      reasoning_content: anything,
      reasoning_details: fc.array(anything, { maxLength: 2 }),
      annotations: fc.array(anything, { maxLength: 2 }),
      tool_calls: fc.oneof(fc.array(fc.oneof(call, anything), { maxLength: 3 }), anything),
      function_call: fc.oneof(anything, fc.record({ name: anything, arguments: anything })),
    },
    { requiredKeys: [] },
  )
  const choice = fc.record(
    {
      index: anything,
      delta: fc.oneof(delta, anything),
      finish_reason: fc.constantFrom(null, null, null, "stop", 3),
    },
    { requiredKeys: [] },
  )
  const wire = fc.record(
    {
      id: anything,
      choices: fc.oneof(fc.array(fc.oneof(choice, anything), { maxLength: 2 }), anything),
      usage: anything,
    },
    { requiredKeys: ["choices"] },
  )

  test("chunks with arbitrary members never throw and give a legal answer, which is written as a legal stream", () => {
    checkProperty(here, fc.array(wire, { maxLength: 10 }), values => {
      const events = readChat([...values, { choices: [{ delta: {}, finish_reason: "stop" }] }])
      expectLegal(events)
      expect(validateEvents(chunksOf(writeChat(events)))).toEqual([])
    })
  })

  test("arbitrary requests never throw", () => {
    checkProperty(
      here,
      fc.record({ messages: fc.array(delta), tools: fc.array(anything), tool_choice: anything }),
      body => {
        expect(readRequest({ model: "m", ...body })).toHaveProperty("ok")
      },
    )
  })
})
