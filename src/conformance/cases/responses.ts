/** POST /v1/responses: whole, streamed, tools and their history, bodies and their encodings. */
import { gzipSync } from "node:zlib"
import type { Case, Door } from "../case.ts"
import { expectEqual, expectThat } from "../finding.ts"
import { type Answer, expectOffered, numberAt, type Probe, textAt, valueAt } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"
import { CALL_PROMPT, callRequest, PROMPT, RESPONSES_TOOL, textRequest } from "../requests.ts"
import { readResponsesStream } from "../streams.ts"
import { expectCall, readOk, readWholeResponse } from "../whole-answers.ts"

const DOOR = "/v1/responses" satisfies Door
const group = "responses"
const door = DOOR

const ask = (probe: Probe, extra: Record<string, unknown> = {}): Promise<Answer> =>
  probe.ask(DOOR, { body: textRequest(DOOR, probe.target, extra) })

const HISTORY = [
  { role: "user", content: [{ type: "input_text", text: CALL_PROMPT }] },
  {
    type: "function_call",
    call_id: "call_conformance_1",
    name: "shell_command",
    arguments: '{"command":"ls"}',
  },
  { type: "function_call_output", call_id: "call_conformance_1", output: "README.md" },
]

const text_cases: Case[] = [
  {
    id: "responses.whole",
    group,
    door,
    title: "answers whole with a complete response object and usage",
    model_calls: 1,
    async run(probe) {
      const { usage } = readWholeResponse(readOk(await ask(probe)))
      expectThat(usage.output_tokens > 0, "output tokens", usage)
    },
  },
  {
    id: "responses.stream",
    group,
    door,
    title: "streams by every law: order, numbers, names, ids, one terminal event, complete usage",
    model_calls: 1,
    async run(probe) {
      const events = readResponsesStream(await ask(probe, { stream: true }))
      const terminal = valueAt(events.at(-1), "response") as Record<string, unknown>
      expectEqual("status while it runs", valueAt(events[0], "response.status"), "in_progress")
      readWholeResponse(terminal)
    },
  },
  {
    id: "responses.input-items",
    group,
    door,
    title: "takes developer and user messages with parts, as the Codex CLI sends them",
    model_calls: 1,
    async run(probe) {
      const input = [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "Be brief." }] },
        { type: "message", role: "user", content: [{ type: "input_text", text: PROMPT }] },
      ]
      const codex = { instructions: "You are brief.", store: false, include: ["reasoning.encrypted_content"] }
      readWholeResponse(readOk(await ask(probe, { input, ...codex, prompt_cache_key: "conformance" })))
    },
  },
]

const tool_cases: Case[] = [
  {
    id: "responses.call",
    group,
    door,
    title: "answers whole with a function call whose arguments are the text of a JSON object",
    model_calls: 1,
    async run(probe) {
      const answer = await probe.ask(DOOR, { body: callRequest(DOOR, probe.target) })
      expectCall(readWholeResponse(readOk(answer)).calls)
    },
  },
  {
    id: "responses.call-stream",
    group,
    door,
    title: "streams a function call whose deltas add up to its arguments",
    model_calls: 1,
    async run(probe) {
      const body = callRequest(DOOR, probe.target, { stream: true })
      const events = readResponsesStream(await probe.ask(DOOR, { body }))
      const items = events.filter(event => event.type === "response.output_item.done")
      const calls = items.map(event => event.item).filter(item => valueAt(item, "type") === "function_call")
      expectCall(
        calls.map(call => ({
          id: textAt(call, "call_id"),
          name: textAt(call, "name"),
          arguments: valueAt(call, "arguments"),
        })),
      )
    },
  },
  {
    id: "responses.call-history",
    group,
    door,
    title: "continues after the result of a call",
    model_calls: 1,
    async run(probe) {
      const answer = await ask(probe, { input: HISTORY, tools: [RESPONSES_TOOL] })
      readWholeResponse(readOk(answer))
    },
  },
  {
    id: "responses.empty-tools",
    group,
    door,
    title: "takes an empty tools list with tool history, as compaction sends it (codex-cli-wire 7)",
    model_calls: 1,
    async run(probe) {
      const input = [...HISTORY, { role: "user", content: "Sum up." }]
      readWholeResponse(readOk(await ask(probe, { input, tools: [], parallel_tool_calls: false })))
    },
  },
  {
    id: "responses.orphan-output",
    group,
    door,
    title: "answers or refuses the output of an unknown call, but never fails on it",
    model_calls: 1,
    async run(probe) {
      const orphan = { type: "function_call_output", call_id: "call_of_nobody", output: "done" }
      const { status, text } = await ask(probe, { input: [orphan, { role: "user", content: PROMPT }] })
      expectThat(status < 500, "no 5xx", `${status} ${text}`)
    },
  },
  {
    id: "responses.custom-tool",
    group,
    door,
    title: "is not broken by a custom tool with a grammar on offer",
    model_calls: 1,
    async run(probe) {
      const format = { type: "grammar", syntax: "lark", definition: 'start: "x"+' }
      const tool = { type: "custom", name: "apply_patch", description: "Edits files.", format }
      const events = readResponsesStream(await ask(probe, { tools: [tool], stream: true }))
      expectThat(events.length > 2, "a complete stream", events)
    },
  },
]

const encodings: [string, (bytes: Uint8Array) => Uint8Array][] = [
  ["gzip", bytes => Bun.gzipSync(bytes as Uint8Array<ArrayBuffer>)],
  ["zstd", bytes => Bun.zstdCompressSync(bytes as Uint8Array<ArrayBuffer>)],
]

const body_cases: Case[] = [
  ...encodings.map(
    ([name, compress]): Case => ({
      id: `responses.body-${name}`,
      group,
      door,
      title: `takes a body compressed with ${name}`,
      is_ours_only: true,
      model_calls: 1,
      async run(probe) {
        const body = compress(Buffer.from(JSON.stringify(textRequest(DOOR, probe.target))))
        readWholeResponse(readOk(await probe.ask(DOOR, { body, headers: { "content-encoding": name } })))
      },
    }),
  ),
  {
    id: "responses.body-unknown",
    group,
    door,
    title: "refuses an unknown content-encoding with 415",
    is_ours_only: true,
    async run(probe) {
      const body = JSON.stringify(textRequest(DOOR, probe.target))
      const answer = await probe.ask(DOOR, { body, headers: { "content-encoding": "rot13" } })
      expectRefusal(answer, DOOR, { status: 415 })
    },
  },
  {
    id: "responses.body-corrupt",
    group,
    door,
    title: "refuses a body that is not the gzip it claims with 400",
    is_ours_only: true,
    async run(probe) {
      const answer = await probe.ask(DOOR, { body: "not gzip", headers: { "content-encoding": "gzip" } })
      expectRefusal(answer, DOOR, { status: 400 })
    },
  },
  {
    id: "responses.body-bomb",
    group,
    door,
    title: "refuses a small body that decompresses beyond its limit with 413",
    is_ours_only: true,
    async run(probe) {
      const body = gzipSync(Buffer.alloc(BOMB_BYTES, " "))
      const answer = await probe.ask(DOOR, { body, headers: { "content-encoding": "gzip" } })
      expectRefusal(answer, DOOR, { status: 413 })
    },
  },
  {
    id: "responses.websocket",
    group,
    door,
    title:
      "answers a WebSocket upgrade with 426, so that the Codex CLI falls back at once (codex-cli-wire 1)",
    is_ours_only: true,
    async run(probe) {
      const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" }
      const headers = { ...upgrade, "sec-websocket-key": "Y29uZm9ybWFuY2UgY2FzZQ==" }
      const { status } = await probe.ask(DOOR, { headers })
      expectEqual("status of an upgrade", status, 426)
    },
  },
  {
    id: "responses.input-tokens",
    group,
    door,
    title: "counts input tokens, and longer input as more",
    async run(probe) {
      const counts = await Promise.all([PROMPT, PROMPT.repeat(50)].map(input => countTokens(probe, input)))
      expectThat(counts[0]! > 0 && counts[1]! > counts[0]!, "rising counts above 0", counts)
    },
  },
  {
    id: "responses.count-tokens",
    group,
    door,
    title: "answers /v1/responses/count_tokens as /v1/responses/input_tokens",
    is_ours_only: true,
    async run(probe) {
      const body = { model: probe.target.model, input: PROMPT }
      const count = await countTokens(probe, PROMPT)
      const other = readOk(await probe.ask(`${DOOR}/count_tokens`, { body }))
      expectEqual("input_tokens", other.input_tokens, count)
    },
  },
]

/** More than the 32 MiB that a body may have. */
const BOMB_BYTES = 40 * 1024 * 1024

async function countTokens(probe: Probe, input: string): Promise<number> {
  const body = { model: probe.target.model, input }
  const answer = await probe.ask(`${DOOR}/input_tokens`, { body })
  expectOffered(probe, answer)
  const counted = readOk(answer)
  expectEqual("object", counted.object, "response.input_tokens")
  return numberAt(counted, "input_tokens")
}

export const RESPONSE_CASES: readonly Case[] = [...text_cases, ...tool_cases, ...body_cases]
