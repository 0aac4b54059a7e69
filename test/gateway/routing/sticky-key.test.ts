/** Which requests belong to one conversation, for the clients there are. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { stickyKeyOf } from "../../../src/gateway/routing/sticky-key.ts"

interface Draft {
  customer_id?: string
  model_id?: string
  headers?: Record<string, string>
  body?: JsonObject
}

const keyOf = ({ customer_id = "cus_1", model_id = "m", headers = {}, body = {} }: Draft) =>
  stickyKeyOf({ customer_id, model_id, headers: new Headers(headers), body })

/** The key of a session with this name, however it was told. */
const session = (name: string) => keyOf({ headers: { "session-id": name } })

const UUID = "0f8d3f6e-57f1-4d58-9c0b-5ad4c94a3c11"

describe("a session is told by", () => {
  test.each([
    "session-id",
    "session_id",
    "Session-Id",
    "x-session-id",
    "X_Session_ID",
    "x-sessionid",
    "x-claude-code-session-id",
    "x-codex-session-id",
    "x-session-affinity",
    "x-opencode-session",
    "conversation_id",
    "conversation-id",
    "x-conversation-id",
    "thread-id",
    "x-amp-thread-id",
  ])("the header %s", name => {
    expect(keyOf({ headers: { [name]: UUID } })).toBe(session(UUID)!)
  })

  test.each<[string, JsonObject]>([
    ["prompt_cache_key", { prompt_cache_key: UUID }],
    ["metadata.session_id", { metadata: { session_id: UUID } }],
    ["metadata.conversation_id", { metadata: { conversation_id: UUID } }],
    [
      "the JSON of Claude Code's user_id",
      { metadata: { user_id: `{"device_id":"d","session_id":"${UUID}"}` } },
    ],
    ["its older user_id", { metadata: { user_id: `user_ab12_account_${UUID}_session_${UUID}` } }],
  ])("%s", (_, body) => {
    expect(keyOf({ body })).toBe(session(UUID)!)
  })
})

describe("no session is told by", () => {
  test.each([
    "x-client-request-id",
    "x-request-id",
    "x-codex-window-id",
    "x-codex-parent-thread-ids",
    "x-claude-code-agent-id",
    "cookie",
    "authorization",
  ])("the header %s", name => {
    expect(keyOf({ headers: { [name]: UUID } })).toBeUndefined()
  })

  test.each<[string, JsonObject]>([
    ["an empty key", { prompt_cache_key: "  " }],
    ["a key that is no text", { prompt_cache_key: 7 }],
    ["a user alone", { user: "u", metadata: { user_id: "customer-17" } }],
    ["a user's JSON without a session", { metadata: { user_id: '{"device_id":"d"}' } }],
    ["a brace that begins no JSON", { metadata: { user_id: "{oops_session_" } }],
    ["metadata that is a list", { metadata: ["session_id"] }],
  ])("%s", (_, body) => {
    expect(keyOf({ body })).toBeUndefined()
  })

  test("an empty header", () => {
    expect(keyOf({ headers: { "session-id": " " } })).toBeUndefined()
  })
})

describe("sub-agents share the key of their session", () => {
  test("Codex: the thread and its cache key differ, the session does not", () => {
    const ask = (thread: string) =>
      keyOf({ headers: { "session-id": UUID, "thread-id": thread }, body: { prompt_cache_key: thread } })
    expect(ask("child")).toBe(ask("root")!)
  })

  test("Claude Code: an agent id changes nothing", () => {
    const headers = { "x-claude-code-session-id": UUID }
    expect(keyOf({ headers: { ...headers, "x-claude-code-agent-id": "a7" } })).toBe(keyOf({ headers })!)
  })

  test("opencode: the parent's session counts, in any order of the headers", () => {
    const child = { "x-session-affinity": "child", "x-parent-session-id": UUID }
    expect(keyOf({ headers: child })).toBe(session(UUID)!)
  })
})

test("neither customers nor models share a key", () => {
  const headers = { "session-id": UUID }
  const distinct = new Set([
    keyOf({ headers }),
    keyOf({ headers, customer_id: "cus_2" }),
    keyOf({ headers, model_id: "m2" }),
  ])
  expect(distinct.size).toBe(3)
})

describe("without a session the opening tells the conversation", () => {
  const user = (content: unknown) => ({ role: "user", content })
  const shapes: [string, (...words: string[]) => JsonObject][] = [
    ["Responses", (...words) => ({ instructions: "be kind", input: words.map(user) })],
    ["Chat", (...words) => ({ messages: [{ role: "system", content: "be kind" }, ...words.map(user)] })],
    [
      "Messages",
      (...words) => ({
        system: [{ type: "text", text: "be kind" }],
        messages: words.map(text => user([{ type: "text", text }])),
      }),
    ],
  ]

  test.each(shapes)("%s: later turns have the first one's key, another opening has another", (_, body) => {
    const first = keyOf({ body: body("hello") })
    expect(first).toBeString()
    expect(keyOf({ body: body("hello", "and then?") })).toBe(first!)
    expect(keyOf({ body: body("good day") })).not.toBe(first!)
  })

  test("other instructions are another conversation", () => {
    const ask = (instructions: string) => keyOf({ body: { instructions, input: "hello" } })
    expect(ask("be kind")).not.toBe(ask("be brief")!)
  })

  test("a cache mark that moves changes nothing", () => {
    const part = { type: "text", text: "hello" }
    const marked = { ...part, cache_control: { type: "ephemeral" } }
    const ask = (content: unknown) => keyOf({ body: { messages: [user([content])] } })
    expect(ask(marked)).toBe(ask(part)!)
  })

  test.each<[string, JsonObject]>([
    ["no turns", {}],
    ["an empty list", { input: [] }],
    ["pictures only", { messages: [user([{ type: "image" }])] }],
    ["nonsense", { input: [null, 7, "x", { role: "user", content: 9 }] }],
    ["instructions only", { instructions: "be kind", input: "" }],
  ])("%s tells nothing", (_, body) => {
    expect(keyOf({ body })).toBeUndefined()
  })
})
