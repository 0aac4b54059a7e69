/** The suite can pass and can fail: a correct stub of another vendor's server, broken in one place per row. */
import { describe, expect, test } from "bun:test"
import { GROUPS } from "../../src/conformance/case.ts"
import { openSubject, type Result, runCases } from "../../src/conformance/run.ts"
import { countModelCalls, selectCases } from "../../src/conformance/suite.ts"
import { type Change, refusal, STUB_KEY, type StubAnswer, startStub } from "./stub-server.ts"

type Json = Record<string, unknown>

async function runOn(change: Change): Promise<Result[]> {
  await using stub = startStub(change)
  const subject = await openSubject({ base_url: stub.url, key: STUB_KEY })
  return await runCases(subject, selectCases())
}

const failedIds = (results: Result[]): string[] =>
  results.filter(one => one.result === "FAIL").map(one => one.id)

/** A change of the streams of one path. */
const inStream =
  (path: string, edit: (events: Json[]) => Json[]): Change =>
  (answer, ask) => {
    if (ask.path === path && answer.events) answer.events = edit(answer.events)
    return answer
  }

/** A change of the whole answers of one path that went well. */
const inWhole =
  (path: string, edit: (json: Json) => void): Change =>
  (answer, ask) => {
    if (ask.path === path && answer.status === 200 && answer.json) edit(answer.json)
    return answer
  }

/** A change of one status. */
const inRefusals =
  (status: number, edit: (answer: StubAnswer, path: string) => void): Change =>
  (answer, ask) => {
    if (answer.status === status) edit(answer, ask.path)
    return answer
  }

const RESPONSES = "/v1/responses"
const CHAT = "/v1/chat/completions"
const COMPLETIONS = "/v1/completions"
const MESSAGES = "/v1/messages"

const swapped = (events: Json[], index: number): Json[] => {
  const copy = [...events]
  const [one, other] = [copy[index]!, copy[index + 1]!]
  copy.splice(index, 2, other, one)
  return copy
}

const without = (events: Json[], type: string): Json[] => events.filter(event => event.type !== type)

/** What is broken, how, and cases that must see it. */
const BROKEN: [what: string, change: Change, seen_by: string[]][] = [
  [
    "Responses events in a wrong order",
    inStream(RESPONSES, events => swapped(events, 2)),
    ["responses.stream"],
  ],
  ["two terminal events", inStream(RESPONSES, events => [...events, events.at(-1)!]), ["responses.stream"]],
  ["no terminal event", inStream(RESPONSES, events => events.slice(0, -1)), ["responses.stream"]],
  [
    "sequence numbers from 1",
    inStream(RESPONSES, events =>
      events.map(event => ({ ...event, sequence_number: Number(event.sequence_number) + 1 })),
    ),
    ["responses.stream", "responses.call-stream"],
  ],
  [
    "Responses events without names",
    (answer, ask) => (ask.path === RESPONSES ? { ...answer, is_named: false } : answer),
    ["responses.stream"],
  ],
  [
    "whole Responses without usage",
    inWhole(RESPONSES, json => {
      delete json.usage
    }),
    ["responses.whole", "responses.call"],
  ],
  [
    "usage without its details",
    inWhole(RESPONSES, json => {
      json.usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 }
    }),
    ["responses.whole"],
  ],
  [
    "usage whose total is not the sum",
    inWhole(CHAT, json => {
      json.usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 3 }
    }),
    ["chat.whole", "chat.call"],
  ],
  [
    "a call that nobody makes",
    inWhole(RESPONSES, json => {
      json.output = []
    }),
    ["responses.call"],
  ],
  ["usage that nobody asked for", inStream(CHAT, withUsage), ["chat.stream", "chat.call-stream"]],
  ["usage that is missing though asked for", inStream(CHAT, withoutUsage), ["chat.stream-usage"]],
  ["chat streams without a role", inStream(CHAT, events => events.slice(1)), ["chat.stream"]],
  [
    "tool call deltas without an index",
    inStream(CHAT, events => JSON.parse(JSON.stringify(events).replaceAll('{"index":0,"id"', '{"id"'))),
    ["chat.call-stream"],
  ],
  [
    "chat streams without finish_reason",
    inStream(CHAT, events =>
      events.filter(event => !/"(?:stop|tool_calls)"/.test(JSON.stringify(event.choices))),
    ),
    ["chat.stream"],
  ],
  [
    "chat streams without [DONE]",
    (answer, ask) => (ask.path === CHAT ? { ...answer, ends_done: false } : answer),
    ["chat.stream", "chat.stream-usage"],
  ],
  [
    "two finish_reasons",
    inStream(COMPLETIONS, events => [...events, events.at(-1)!]),
    ["completions.stream"],
  ],
  [
    "a [DONE] in a Messages stream",
    (answer, ask) => (ask.path === MESSAGES ? { ...answer, ends_done: true } : answer),
    ["messages.stream"],
  ],
  [
    "no message_stop",
    inStream(MESSAGES, events => without(events, "message_stop")),
    ["messages.stream", "messages.call-stream"],
  ],
  ["no message_delta", inStream(MESSAGES, events => without(events, "message_delta")), ["messages.stream"]],
  ["a delta before its block", inStream(MESSAGES, events => swapped(events, 1)), ["messages.stream"]],
  [
    "tool input whole in its start",
    inStream(MESSAGES, events => JSON.parse(JSON.stringify(events).replace('"input":{}', '"input":{"a":1}'))),
    ["messages.call-stream"],
  ],
  [
    "message_start without usage",
    inStream(MESSAGES, events =>
      events.map(event => ({ ...event, message: { ...(event.message as Json), usage: null } })),
    ),
    ["messages.stream"],
  ],
  [
    "the same id in every message",
    inWhole(MESSAGES, json => {
      json.id = "msg_1"
    }),
    ["messages.whole"],
  ],
  [
    "OpenAI's error shape for Messages clients",
    (answer, ask) =>
      ask.path.startsWith(MESSAGES) && answer.status >= 400 ? refusal("/v1/x", answer.status, null) : answer,
    ["auth.missing-key /v1/messages", "messages.unknown-path", "errors.messages without max_tokens"],
  ],
  [
    "refusals that name no field",
    inRefusals(400, (answer, path) => {
      answer.json = refusal(path, 400, null).json!
    }),
    ["errors.responses without a model", "errors.chat/completions without messages", "chat.n"],
  ],
  [
    "refusals as HTML",
    inRefusals(401, answer => {
      answer.text = "<h1>401</h1>"
      answer.headers["content-type"] = "text/html"
    }),
    ["auth.missing-key /v1/responses", "auth.bad-key /v1/messages"],
  ],
  [
    "500 for whatever is malformed",
    inRefusals(400, answer => {
      answer.status = 500
    }),
    ["errors.completions with an object as prompt", "auth.either-header /v1/responses"],
  ],
  [
    "unknown models answered by another",
    (answer, ask) => (ask.body?.model === "no-such-model" ? { status: 200, headers: {}, json: {} } : answer),
    ["errors.responses unknown model", "errors.messages unknown model"],
  ],
  [
    "models without created",
    inWhole("/v1/models", json => {
      for (const model of json.data as Json[]) delete model.created
    }),
    ["models.list-openai"],
  ],
  [
    "a model list for everybody",
    (answer, ask) => (ask.path === "/v1/models" ? { ...answer, ...LIST } : answer),
    ["auth.models-headers"],
  ],
]

const LIST = { status: 200, json: { object: "list", data: [{ id: "stub-1" }] } }

function withUsage(events: Json[]): Json[] {
  const last = events.at(-1)!
  const has_usage = "usage" in last
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  return has_usage ? events : [...events, { ...last, choices: [], usage }]
}

function withoutUsage(events: Json[]): Json[] {
  return events.filter(event => !("usage" in event))
}

describe("against a correct server of another vendor", () => {
  test("no case fails, and what it cannot show is not applicable", async () => {
    const results = await runOn(() => undefined)
    expect(results.filter(one => one.result === "FAIL")).toEqual([])
    const silent = results.filter(one => one.result === "n/a" && one.finding === "")
    expect(silent).toEqual([])
    const passed = new Set(results.filter(one => one.result === "pass").map(one => one.group))
    expect([...passed]).toEqual(GROUPS.filter(group => group !== "billing"))
    expect(results.filter(one => one.group === "billing" && one.result === "pass")).toEqual([])
  })

  test("nothing stored passes where nothing is ever stored", async () => {
    const results = await runOn(() => undefined)
    const stored = results.filter(one => /store|chain$|list$|replay|pages|background|cancel/.test(one.id))
    expect(stored.filter(one => one.group !== "models" && one.result === "pass")).toEqual([])
  })

  test("a protocol it does not have is not applicable", async () => {
    const results = await runOn((answer, ask) =>
      ask.path.startsWith(MESSAGES) ? { status: 404, headers: {}, json: {} } : answer,
    )
    const messages = results.filter(one => one.group === "messages")
    expect(messages.map(one => one.result)).toEqual(messages.map(() => "n/a"))
    expect(failedIds(results)).toEqual([])
  })
})

describe("broken in one place:", () => {
  test.each(BROKEN)("%s", async (_, change, seen_by) => {
    const results = await runOn(change)
    expect(failedIds(results)).toEqual(expect.arrayContaining(seen_by))
    // It is seen for what it is, not as a server that cannot be asked.
    expect(results.filter(one => /no whole answer|itself broke/.test(one.finding))).toEqual([])
  })
})

describe("the list of cases", () => {
  test("has every group, and ids that are unique and say theirs", () => {
    const cases = selectCases()
    expect([...new Set(cases.map(one => one.group))]).toEqual([...GROUPS])
    expect(new Set(cases.map(one => one.id)).size).toBe(cases.length)
    expect(cases.filter(one => !one.id.startsWith(`${one.group}.`))).toEqual([])
    expect(cases.filter(one => /[.!?]$|^The server/.test(one.title))).toEqual([])
  })

  test("is cut to the groups that are asked for, and counts what may cost money", () => {
    expect(selectCases(["models", "auth"]).every(one => ["models", "auth"].includes(one.group))).toBe(true)
    expect(countModelCalls(selectCases(["models", "auth", "errors"]))).toBe(0)
    expect(countModelCalls(selectCases(["completions"]))).toBe(4)
  })
})
