/** What both sides of the Messages protocol can say comes back unchanged: read(write(x)) = x. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { readRequest } from "../../../../src/gateway/protocol/anthropic-messages/read-request.ts"
import { writeRequest } from "../../../../src/gateway/protocol/anthropic-messages/write-request.ts"
import { parseExactly } from "../../../../src/gateway/protocol/exact-json.ts"
import type { Item, ModelRequest, Part, Tool } from "../../../../src/gateway/protocol/model-request.ts"
import type { Target } from "../../../../src/gateway/protocol/target.ts"
import { arbitraryText } from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"

const TARGET: Target = {
  protocol: "anthropic-messages",
  upstream_id: "up",
  model: "claude",
  quirks: new Set(),
  tool_name_length: 64,
  max_output_tokens: 64_000,
  reasoning_efforts: ["low", "medium", "high"],
}

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,15}$/)
const words = arbitraryText.filter(text => text.trim() !== "")
const textPart: fc.Arbitrary<Part> = words.map(text => ({ kind: "text", text }))
const imagePart: fc.Arbitrary<Part> = fc.oneof(
  fc.webUrl().map((url): Part => ({ kind: "image", url })),
  fc.base64String().map((bytes): Part => ({ kind: "image", url: `data:image/png;base64,${bytes}` })),
)
const filePart: fc.Arbitrary<Part> = fc.oneof(
  fc.base64String().map((bytes): Part => ({ kind: "file", data: `data:application/pdf;base64,${bytes}` })),
  words.map(
    (text): Part => ({
      kind: "file",
      data: `data:text/plain;base64,${Buffer.from(text.toWellFormed()).toString("base64")}`,
      filename: "n",
    }),
  ),
)
const rawPart: fc.Arbitrary<Part> = name.map(source => ({
  kind: "raw",
  protocol: "anthropic-messages",
  raw: { type: "search_result", source },
}))
const userParts = fc.array(fc.oneof(textPart, imagePart, filePart, rawPart), { minLength: 1, maxLength: 3 })

const reasoning: fc.Arbitrary<Item> = fc.oneof(
  fc
    .tuple(words, name)
    .map(([text, sealed]): Item => ({ kind: "reasoning", summary: [], text: [text], sealed })),
  name.map((sealed): Item => ({ kind: "reasoning", summary: [], text: [], sealed })),
  name.map((sealed): Item => ({ kind: "reasoning", summary: [], text: [], sealed, is_redacted: true })),
)
const hosted: fc.Arbitrary<Item> = fc.tuple(words, name).map(([query, sealed]) => ({
  kind: "hosted-call",
  raw: { type: "web_search_call", status: "completed", action: { type: "search", query } },
  results: [{ url: `https://${sealed}.org`, title: "T", sealed }],
}))
const args = fc.constantFrom(
  '{"id":9007199254740993}',
  '{"a":"\\"x"}',
  "{}",
  '{"n":1e400,"l":[1,{"b":null}]}',
)
const output = fc.oneof(fc.string(), fc.array(fc.oneof(textPart, imagePart), { minLength: 1, maxLength: 2 }))

/** A user's words, a step of the assistant, the results of its calls: as many rounds as come. */
const round: fc.Arbitrary<Item[]> = fc
  .record({
    asked: userParts,
    thoughts: fc.array(reasoning, { maxLength: 2 }),
    searches: fc.array(hosted, { maxLength: 1 }),
    said: fc.array(textPart, { maxLength: 2 }),
    calls: fc.array(fc.tuple(args, output, fc.boolean()), { maxLength: 3 }),
  })
  .map(({ asked, thoughts, searches, said, calls }) => [
    { kind: "message", role: "user", parts: asked },
    ...thoughts,
    ...searches,
    ...(said.length === 0 ? [] : [{ kind: "message" as const, role: "assistant" as const, parts: said }]),
    ...calls.map(([text], at) => toolCall(at, text)),
    ...calls.map(([, text, is_error], at): Item => {
      const result = {
        kind: "tool-result" as const,
        tool: "function" as const,
        call_id: `c${at}`,
        output: text,
      }
      return is_error ? { ...result, is_error: true } : result
    }),
  ])

function toolCall(at: number, text: string): Item {
  return { kind: "tool-call", tool: "function", call_id: `c${at}`, name: "f", arguments: text }
}

const last: Item = { kind: "message", role: "user", parts: [{ kind: "text", text: "go on", cache: "5m" }] }
const items = fc
  .array(round, { minLength: 1, maxLength: 3 })
  .map(rounds => joinUsers([...rounds.flat(), last]))

/** Messages of the user that stand together are one on the wire, and results that stand before them are not. */
function joinUsers(list: Item[]): Item[] {
  const joined: Item[] = []
  for (const item of list) {
    const before = joined.at(-1)
    const is_same = before?.kind === "message" && item.kind === "message" && before.role === item.role
    if (is_same) joined[joined.length - 1] = { ...before, parts: [...before.parts, ...item.parts] }
    else joined.push(item)
  }
  return joined
}

const tool: fc.Arbitrary<Tool> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("function" as const),
      name,
      description: words,
      parameters: fc.constant({ type: "object", properties: { a: { type: "string" } } }),
      is_strict: fc.constant(true as const),
    },
    { requiredKeys: ["kind", "name", "parameters"] },
  ),
  fc.record(
    {
      kind: fc.constant("web_search" as const),
      allowed_domains: fc.array(fc.domain(), { minLength: 1, maxLength: 2 }),
      max_uses: fc.nat(9),
      user_location: fc.record({ city: name, country: name }),
    },
    { requiredKeys: ["kind"] },
  ),
  name.map(
    (type): Tool => ({
      kind: "raw",
      protocol: "anthropic-messages",
      raw: { type: `${type}_20250124`, name: type },
    }),
  ),
)

const request: fc.Arbitrary<ModelRequest> = fc.record(
  {
    model: fc.constant("claude"),
    instructions: fc.array(
      words.map(text => ({ kind: "text" as const, text, cache: "1h" as const })),
      { maxLength: 3 },
    ),
    items,
    tools: fc.array(tool, { minLength: 1, maxLength: 3 }),
    tool_choice: fc.constantFrom("auto" as const, "none" as const),
    max_output_tokens: fc.integer({ min: 5000, max: 64_000 }),
    stop: fc.array(name, { minLength: 1, maxLength: 2 }),
    text_format: fc.constant({ kind: "json_schema" as const, name: "output", schema: { type: "object" } }),
    service_tier: fc.constantFrom("auto", "default"),
    stream: fc.boolean(),
  },
  { requiredKeys: ["model", "instructions", "items", "tools", "max_output_tokens", "stream"] },
) as fc.Arbitrary<ModelRequest>

const wish: fc.Arbitrary<Partial<ModelRequest>> = fc.constantFrom<Partial<ModelRequest>[]>(
  {},
  { temperature: 0.5 },
  { top_p: 0.5 },
  { reasoning: { effort: "none" }, temperature: 1 },
  { reasoning: { summary: "auto" }, wants_sealed_reasoning: true },
  { reasoning: { effort: "low", summary: "auto" }, wants_sealed_reasoning: true },
  { parallel_tool_calls: false, tool_choice: "auto" },
  { tool_choice: "required" },
)

test("a request that both sides can say comes back unchanged", () => {
  checkProperty(import.meta.path, fc.tuple(request, wish), ([plain, wished]) => {
    const asked = { ...plain, ...wished }
    const read = readRequest(parseExactly(JSON.stringify(writeRequest(asked, TARGET))))
    expect(read).toEqual({ ok: true, request: asked })
  })
})
