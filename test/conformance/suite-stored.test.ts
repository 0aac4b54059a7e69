/** The cases of stored objects can pass and can fail: a stub that keeps things, broken in one place per row. */
import { describe, expect, test } from "bun:test"
import { openSubject, type Result, runCases } from "../../src/conformance/run.ts"
import { selectCases } from "../../src/conformance/suite.ts"
import { type Change, refusal, STUB_KEY, type StubAnswer, type StubAsk } from "./stub-server.ts"
import { startKeepingStub } from "./stub-store.ts"

type Json = Record<string, unknown>

/** Cases of objects that a server keeps, and of what is counted or compacted beside them. */
const STORED = [
  /^responses\.(?:store|chain|comp|.*-tokens$)/,
  /^responses\.(?:unknown-id|input-item-pages|replay|background|cancel)$/,
  /^chat\.(?:store|list$|update$|messages$|unknown-id$)/,
]

async function runOn(change: Change): Promise<Result[]> {
  await using stub = startKeepingStub(change)
  const subject = await openSubject({ base_url: stub.url, key: STUB_KEY })
  return await runCases(
    subject,
    selectCases().filter(one => STORED.some(pattern => pattern.test(one.id))),
  )
}

/** A change of the answers to one kind of request, where they went well. */
const to =
  (
    method: string,
    path: RegExp,
    edit: (answer: StubAnswer, ask: StubAsk) => StubAnswer | undefined,
  ): Change =>
  (answer, ask) =>
    ask.method === method && path.test(ask.path) && answer.status === 200 ? edit(answer, ask) : undefined

const json = (edit: (body: Json, ask: StubAsk) => Json) => (answer: StubAnswer, ask: StubAsk) =>
  answer.json && { ...answer, json: edit(answer.json, ask) }

const ONE = /^\/v1\/responses\/resp_\d+$/
const ITEMS = /input_items$/
const CHAT = "/v1/chat/completions"
const gone = (_: StubAnswer, ask: StubAsk) => refusal(ask.path, 404, null)

const BROKEN: [what: string, change: Change, seen_by: string[]][] = [
  [
    "a store that forgets",
    to("GET", ONE, gone),
    ["responses.store", "responses.chain", "responses.background"],
  ],
  [
    "another output than was answered",
    to(
      "GET",
      ONE,
      json(body => ({ ...body, output: [] })),
    ),
    ["responses.store"],
  ],
  ["a store that never deletes", to("DELETE", ONE, gone), ["responses.store"]],
  [
    "unknown ids that exist",
    (answer, ask) => (ask.path.includes("nobody") ? { status: 200, headers: {}, json: {} } : answer),
    ["responses.unknown-id", "chat.unknown-id"],
  ],
  [
    "pages that say there is more",
    to(
      "GET",
      ITEMS,
      json(body => ({ ...body, has_more: true })),
    ),
    ["responses.input-item-pages"],
  ],
  [
    "pages without last_id",
    to(
      "GET",
      ITEMS,
      json(body => ({ ...body, last_id: null })),
    ),
    ["responses.input-item-pages"],
  ],
  [
    "a replay that leaves an event out",
    to("GET", ONE, answer => answer.events && { ...answer, events: answer.events.slice(1) }),
    ["responses.replay"],
  ],
  [
    "a replay that starts anew",
    to("GET", ONE, (answer, ask) =>
      ask.query.has("starting_after") && answer.events ? restart(answer) : undefined,
    ),
    ["responses.replay"],
  ],
  [
    "a chain without its history",
    to(
      "POST",
      /responses$/,
      json(body => ({ ...body, ...(body.previous_response_id ? { usage: USAGE } : {}) })),
    ),
    ["responses.chain"],
  ],
  [
    "a background response that stays queued as something else",
    to(
      "POST",
      /responses$/,
      json(body => (body.status === "queued" ? { ...body, status: "thinking" } : body)),
    ),
    ["responses.background", "responses.cancel"],
  ],
  [
    "a cancel that is undone",
    to(
      "POST",
      /cancel$/,
      json(body => ({ ...body, status: "cancelled" })),
    ),
    ["responses.cancel"],
  ],
  [
    "a compaction without its item",
    to(
      "POST",
      /compact$/,
      json(body => ({ ...body, output: [] })),
    ),
    ["responses.compact", "responses.compact-stored"],
  ],
  [
    "a compaction trigger that is answered with a text",
    to("POST", /responses$/, (answer, ask) => {
      const text = JSON.stringify(ask.body).includes("compaction_trigger") && answer.events
      return text
        ? { ...answer, events: answer.events!.filter(event => event.type !== "response.output_item.done") }
        : undefined
    }),
    ["responses.compaction-trigger"],
  ],
  [
    "counts that never grow",
    to(
      "POST",
      /input_tokens$/,
      json(body => ({ ...body, input_tokens: 3 })),
    ),
    ["responses.input-tokens", "responses.count-tokens"],
  ],
  [
    "a deletion of another shape",
    to(
      "DELETE",
      /completions/,
      json(body => ({ ...body, object: "x" })),
    ),
    ["chat.store"],
  ],
  [
    "a list that ignores its filter",
    to(
      "GET",
      /completions$/,
      json(body => ({ ...body, data: [{ id: "other" }] })),
    ),
    ["chat.list"],
  ],
  [
    "a list without pages",
    to(
      "GET",
      /completions$/,
      json(body => ({ ...body, has_more: false })),
    ),
    ["chat.list"],
  ],
  [
    "metadata that is not kept",
    to(
      "GET",
      /completions\/chatcmpl-\d+$/,
      json(body => ({ ...body, metadata: {} })),
    ),
    ["chat.update"],
  ],
  [
    "no PATCH",
    (answer, ask) => (ask.method === "PATCH" ? refusal(ask.path, 405, null) : answer),
    ["chat.update"],
  ],
  [
    "messages without ids",
    to(
      "GET",
      /messages$/,
      json(body => ({ ...body, data: [{ role: "user", content: "Say hi." }] })),
    ),
    ["chat.messages"],
  ],
  [
    "whatever is not to be kept is kept",
    (answer, ask) => {
      if (ask.path.startsWith(CHAT) && ask.body) ask.body.store = true
      return ask.method === "GET" && answer.status === 404 ? { status: 200, headers: {}, json: {} } : answer
    },
    ["responses.store-false", "chat.store-unasked"],
  ],
]

const USAGE = {
  input_tokens: 1,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 1,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 2,
}

const restart = (answer: StubAnswer): StubAnswer => ({
  ...answer,
  events: answer.events!.map((event, sequence_number) => ({ ...event, sequence_number })),
})

describe("the cases of stored objects", () => {
  test("all pass where everything is kept", async () => {
    const results = await runOn(() => undefined)
    expect(results.filter(one => one.result !== "pass").map(one => `${one.id}: ${one.finding}`)).toEqual([])
    expect(results.length).toBeGreaterThan(18)
  })

  test.each(BROKEN)("see %s", async (_, change, seen_by) => {
    const failed = (await runOn(change)).filter(one => one.result === "FAIL")
    expect(failed.map(one => one.id)).toEqual(expect.arrayContaining(seen_by))
    expect(failed.filter(one => /no whole answer|itself broke/.test(one.finding))).toEqual([])
  })
})
