/** POST /v1/chat/completions: whole, streamed, usage only when asked for, tools and their history. */
import type { Case, Door } from "../case.ts"
import { foldChatChunks } from "../chat-laws.ts"
import { expectEqual, expectThat } from "../finding.ts"
import { type Answer, listAt, objectOf, type Probe, valueAt } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"
import { CALL_PROMPT, CHAT_TOOL, callRequest, PROMPT, textRequest } from "../requests.ts"
import { readChunkStream } from "../streams.ts"
import { readChatUsage } from "../usages.ts"
import { expectCall, readOk, readWholeChat } from "../whole-answers.ts"

const DOOR = "/v1/chat/completions" satisfies Door
const group = "chat"
const door = DOOR

const ask = (probe: Probe, extra: Record<string, unknown> = {}): Promise<Answer> =>
  probe.ask(DOOR, { body: textRequest(DOOR, probe.target, extra) })

const text_cases: Case[] = [
  {
    id: "chat.whole",
    group,
    door,
    title: "answers whole with a complete chat completion and usage",
    model_calls: 1,
    async run(probe) {
      const { usage } = readWholeChat(readOk(await ask(probe)))
      expectThat(usage.output_tokens > 0, "output tokens", usage)
    },
  },
  {
    id: "chat.stream",
    group,
    door,
    title: "streams chunks by every law, without usage that was not asked for, to one [DONE]",
    model_calls: 1,
    async run(probe) {
      foldChatChunks(readChunkStream(await ask(probe, { stream: true })), false)
    },
  },
  {
    id: "chat.stream-usage",
    group,
    door,
    title: "shows the usage in a last chunk without choices when include_usage asks for it",
    model_calls: 1,
    async run(probe) {
      const stream_options = { include_usage: true }
      const chunks = readChunkStream(await ask(probe, { stream: true, stream_options }))
      const { usage } = foldChatChunks(chunks, true)
      expectThat(readChatUsage(usage).output_tokens > 0, "output tokens", usage)
    },
  },
  {
    id: "chat.parts",
    group,
    door,
    title: "takes system and user messages whose content is a list of parts",
    model_calls: 1,
    async run(probe) {
      const messages = [
        { role: "system", content: [{ type: "text", text: "Be brief." }] },
        { role: "user", content: [{ type: "text", text: PROMPT }] },
      ]
      readWholeChat(readOk(await ask(probe, { messages })))
    },
  },
  {
    id: "chat.n",
    group,
    door,
    title: "answers n: 2 with two choices, or refuses it naming n",
    model_calls: 2,
    async run(probe) {
      const answer = await ask(probe, { n: 2 })
      if (answer.status === 400) return expectRefusal(answer, DOOR, { status: 400, field: "n" })
      const indexes = listAt(objectOf(answer), "choices").map(choice => valueAt(choice, "index"))
      expectEqual("indexes of the choices", indexes, [0, 1])
    },
  },
  {
    id: "chat.max-tokens",
    group,
    door,
    title: "takes max_tokens and stops there with finish_reason length",
    is_ours_only: true,
    model_calls: 1,
    async run(probe) {
      const { model } = probe.target
      const messages = [{ role: "user", content: "Count to one hundred in words." }]
      const body = readOk(await probe.ask(DOOR, { body: { model, messages, max_tokens: 16 } }))
      readWholeChat(body)
      expectEqual("finish_reason", valueAt(body, "choices.0.finish_reason"), "length")
    },
  },
]

const CALL = {
  id: "call_conformance_1",
  type: "function",
  function: { name: "shell_command", arguments: '{"command":"ls"}' },
}

const tool_cases: Case[] = [
  {
    id: "chat.call",
    group,
    door,
    title: "answers whole with a tool call, finish_reason tool_calls and arguments as text",
    model_calls: 1,
    async run(probe) {
      const answer = await probe.ask(DOOR, { body: callRequest(DOOR, probe.target) })
      expectCall(readWholeChat(readOk(answer)).calls)
    },
  },
  {
    id: "chat.call-stream",
    group,
    door,
    title: "streams a tool call with index, id, type and name in its first delta",
    model_calls: 1,
    async run(probe) {
      const body = callRequest(DOOR, probe.target, { stream: true })
      expectCall(foldChatChunks(readChunkStream(await probe.ask(DOOR, { body })), false).calls)
    },
  },
  {
    id: "chat.call-history",
    group,
    door,
    title: "takes content null beside tool_calls, and a tool result as a list of parts (sdk-wire 5)",
    model_calls: 2,
    async run(probe) {
      for (const content of ["README.md", [{ type: "text", text: "README.md" }]]) {
        const messages = [
          { role: "user", content: CALL_PROMPT },
          { role: "assistant", content: null, tool_calls: [CALL] },
          { role: "tool", tool_call_id: CALL.id, content },
        ]
        readWholeChat(readOk(await ask(probe, { messages, tools: [CHAT_TOOL] })))
      }
    },
  },
  {
    id: "chat.agent-fields",
    group,
    door,
    title: "takes what agents replay and add: reasoning_content, prompt_cache_key, unknown keys (sdk-wire 5)",
    is_ours_only: true,
    model_calls: 1,
    async run(probe) {
      const messages = [
        { role: "user", content: CALL_PROMPT },
        { role: "assistant", content: null, tool_calls: [CALL], reasoning_content: "I list them." },
        { role: "tool", tool_call_id: CALL.id, content: "README.md" },
      ]
      const extra = { tools: [CHAT_TOOL], tool_choice: "auto", prompt_cache_key: "conformance", x_unknown: 1 }
      readWholeChat(readOk(await ask(probe, { messages, ...extra })))
    },
  },
]

export const CHAT_CASES: readonly Case[] = [...text_cases, ...tool_cases]
