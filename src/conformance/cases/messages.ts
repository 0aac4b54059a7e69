/** POST /v1/messages: whole, streamed, what Claude Code and both SDK generations send, and the paths below it. */
import type { Case, Door } from "../case.ts"
import { expectEqual, expectThat } from "../finding.ts"
import { foldMessageEvents } from "../messages-laws.ts"
import { type Answer, expectOffered, numberAt, objectOf, type Probe } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"
import { CALL_PROMPT, callRequest, MESSAGES_TOOL, PROMPT, textRequest } from "../requests.ts"
import { readNamedStream } from "../streams.ts"
import { readMessagesUsage } from "../usages.ts"
import { expectCall, readOk, readWholeMessage } from "../whole-answers.ts"

const DOOR = "/v1/messages" satisfies Door
const group = "messages"
const door = DOOR
const VERSION = { "anthropic-version": "2023-06-01" }

const ask = (probe: Probe, extra: Record<string, unknown> = {}): Promise<Answer> =>
  probe.ask(DOOR, { body: textRequest(DOOR, probe.target, extra), headers: VERSION })

const text_cases: Case[] = [
  {
    id: "messages.whole",
    group,
    door,
    title: "answers whole with a complete message and usage, each with an id of its own",
    model_calls: 2,
    async run(probe) {
      const first = readWholeMessage(readOk(await ask(probe)))
      const second = readWholeMessage(readOk(await ask(probe)))
      expectThat(first.usage.output_tokens > 0, "output tokens", first.usage)
      // Claude Code merges answers with the same id into one turn (claude-code-wire 6).
      expectThat(first.id !== second.id, "another id for another message", second.id)
    },
  },
  {
    id: "messages.stream",
    group,
    door,
    title: "streams by every law: named events, one block at a time, usage at both ends, no [DONE]",
    model_calls: 1,
    async run(probe) {
      const { usage } = foldMessageEvents(readNamedStream(await ask(probe, { stream: true })))
      expectThat(readMessagesUsage(usage).output_tokens > 0, "output tokens", usage)
    },
  },
  {
    id: "messages.beta",
    group,
    door,
    title: "answers at /v1/messages?beta=true",
    model_calls: 1,
    async run(probe) {
      const body = textRequest(DOOR, probe.target)
      readWholeMessage(readOk(await probe.ask(`${DOOR}?beta=true`, { body, headers: VERSION })))
    },
  },
  {
    id: "messages.system-role",
    group,
    door,
    title: "takes the role system inside messages, in the middle and at the end (claude-code-wire 5)",
    model_calls: 1,
    async run(probe) {
      const messages = [
        { role: "user", content: [{ type: "text", text: PROMPT }] },
        { role: "system", content: "Be brief." },
        { role: "assistant", content: "Hi." },
        { role: "user", content: "Again." },
        { role: "system", content: "Be very brief." },
      ]
      const answer = await ask(probe, { messages, system: [{ type: "text", text: "You are kind." }] })
      const words = 'Unexpected role "system"'
      const is_refused = answer.status === 400 && answer.text.replaceAll("\\", "").includes(words)
      if (is_refused && !probe.target.is_ours) return
      readWholeMessage(readOk(answer))
    },
  },
  {
    id: "messages.claude-code",
    group,
    door,
    title:
      "takes adaptive thinking, effort, context management, metadata and the billing block of Claude Code",
    is_ours_only: true,
    model_calls: 1,
    async run(probe) {
      const billing = "x-anthropic-billing-header: cc_version=2.1.197.123; cc_entrypoint=sdk-cli;"
      const extra = {
        system: [
          { type: "text", text: billing },
          { type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } },
        ],
        thinking: { type: "adaptive" },
        output_config: { effort: "high" },
        context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
        metadata: { user_id: '{"device_id":"0","account_uuid":"","session_id":"conformance"}' },
        stream: true,
        max_tokens: 2048,
      }
      foldMessageEvents(readNamedStream(await ask(probe, extra)))
    },
  },
  {
    id: "messages.thinking-budget",
    group,
    door,
    title: "clamps a thinking budget above max_tokens, as Qwen Code sends it (sdk-wire 5)",
    is_ours_only: true,
    model_calls: 1,
    async run(probe) {
      const thinking = { type: "enabled", budget_tokens: 32_000 }
      readWholeMessage(readOk(await ask(probe, { thinking, temperature: 1, max_tokens: 1500 })))
    },
  },
  {
    id: "messages.cache-control",
    group,
    door,
    title: "takes cache marks on system, tools and messages, also more than four",
    model_calls: 1,
    async run(probe) {
      const cache_control = { type: "ephemeral" }
      const count = probe.target.is_ours ? 6 : 2
      const part = (number: number) => ({ type: "text", text: `Part ${number}.`, cache_control })
      const content = Array.from({ length: count }, (_, index) => part(index + 1))
      const system = [{ type: "text", text: "Be brief.", cache_control }]
      const tools = [{ ...MESSAGES_TOOL, cache_control }]
      readWholeMessage(readOk(await ask(probe, { messages: [{ role: "user", content }], system, tools })))
    },
  },
]

const toolUse = (id: string) => ({ type: "tool_use", id, name: "shell_command", input: { command: "ls" } })

const tool_cases: Case[] = [
  {
    id: "messages.call",
    group,
    door,
    title: "answers whole with a tool_use and the stop_reason tool_use",
    model_calls: 1,
    async run(probe) {
      const answer = await probe.ask(DOOR, { body: callRequest(DOOR, probe.target), headers: VERSION })
      expectCall(readWholeMessage(readOk(answer)).calls)
    },
  },
  {
    id: "messages.call-stream",
    group,
    door,
    title: "streams a tool_use whose input comes as input_json_delta only",
    model_calls: 1,
    async run(probe) {
      const body = callRequest(DOOR, probe.target, { stream: true })
      const { blocks } = foldMessageEvents(readNamedStream(await probe.ask(DOOR, { body, headers: VERSION })))
      const calls = blocks.filter(block => block.type === "tool_use")
      expectCall(calls.map(({ id, name, json }) => ({ id, name, arguments: json })))
    },
  },
  {
    id: "messages.call-history",
    group,
    door,
    title: "takes several results in one user message, first of all, as text, as blocks and as an error",
    model_calls: 1,
    async run(probe) {
      const [one, two, three] = ["toolu_conformance_1", "toolu_conformance_2", "toolu_conformance_3"]
      const messages = [
        { role: "user", content: CALL_PROMPT },
        { role: "assistant", content: [toolUse(one!), toolUse(two!), toolUse(three!)] },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: one, content: "README.md" },
            { type: "tool_result", tool_use_id: two, content: [{ type: "text", text: "README.md" }] },
            { type: "tool_result", tool_use_id: three, content: "Exit code 3", is_error: true },
            { type: "text", text: "Go on." },
          ],
        },
      ]
      readWholeMessage(readOk(await ask(probe, { messages, tools: [MESSAGES_TOOL] })))
    },
  },
  {
    id: "messages.thinking-history",
    group,
    door,
    title: "goes on when thinking blocks of another server, or with an empty signature, are replayed",
    is_ours_only: true,
    model_calls: 1,
    async run(probe) {
      const content = [
        { type: "thinking", thinking: "I greet.", signature: "" },
        { type: "thinking", thinking: "I greet.", signature: "Zm9yZWlnbg==" },
        { type: "redacted_thinking", data: "Zm9yZWlnbg==" },
        { type: "text", text: "Hi." },
      ]
      const messages = [
        { role: "user", content: PROMPT },
        { role: "assistant", content },
        { role: "user", content: "Again." },
      ]
      readWholeMessage(readOk(await ask(probe, { messages })))
    },
  },
]

const path_cases: Case[] = [
  {
    id: "messages.count-tokens",
    group,
    door,
    title: "counts tokens for free, and longer input as more",
    async run(probe) {
      const { model } = probe.target
      const counts: number[] = []
      for (const content of [PROMPT, PROMPT.repeat(50)]) {
        const body = { model, messages: [{ role: "user", content }], tools: [MESSAGES_TOOL] }
        const answer = await probe.ask(`${DOOR}/count_tokens?beta=true`, { body, headers: VERSION })
        expectOffered(probe, answer)
        counts.push(numberAt(readOk(answer), "input_tokens"))
      }
      expectThat(counts[0]! > 0 && counts[1]! > counts[0]!, "rising counts above 0", counts)
    },
  },
  {
    id: "messages.unknown-path",
    group,
    door,
    title: "answers 404 in Anthropic's shape for an unknown path below /v1/messages",
    async run(probe) {
      const answer = await probe.ask(`${DOOR}/no-such-path`, { body: {}, headers: VERSION })
      expectRefusal(answer, DOOR, { status: 404 })
    },
  },
  {
    id: "messages.request-id",
    group,
    door,
    title: "sends request-id on answers, streams and refusals (sdk-wire 3)",
    model_calls: 2,
    async run(probe) {
      const refused = await ask(probe, { messages: 1 })
      const answers = [await ask(probe), await ask(probe, { stream: true }), refused]
      const ids = answers.map(({ headers }) => headers.get("request-id") ?? "")
      expectThat(
        ids.every(id => id !== ""),
        "request-id on each",
        ids,
      )
      expectEqual("different ids", new Set(ids).size, ids.length)
      // A body that says its request id as well must say the true one (claude-code-wire 7).
      const { request_id = ids[2] } = objectOf(refused)
      expectEqual("request_id of the refusal, as in its header", request_id, ids[2])
    },
  },
]

export const MESSAGE_CASES: readonly Case[] = [...text_cases, ...tool_cases, ...path_cases]
