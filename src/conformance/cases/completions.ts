/** POST /v1/completions: legacy text, whole and streamed. */
import type { Case, Door } from "../case.ts"
import { expectEqual, expectThat } from "../finding.ts"
import { listAt, type Probe, textAt, valueAt } from "../probe.ts"
import { PROMPT, textRequest } from "../requests.ts"
import { readChunkStream } from "../streams.ts"
import { readChatUsage } from "../usages.ts"
import { readOk, readWholeCompletion } from "../whole-answers.ts"

const DOOR = "/v1/completions" satisfies Door
const group = "completions"
const door = DOOR

async function readStream(probe: Probe, extra: Record<string, unknown>): Promise<Record<string, unknown>[]> {
  const body = textRequest(DOOR, probe.target, { stream: true, ...extra })
  return readChunkStream(await probe.ask(DOOR, { body }))
}

/** The same object in every chunk, one finish_reason, and a text that is not empty. */
function checkChunks(chunks: readonly Record<string, unknown>[]): void {
  const id = textAt(chunks[0], "id")
  expectThat(id !== "", "an id", chunks[0])
  let text = ""
  let finish_reason = ""
  for (const chunk of chunks) {
    expectEqual("object", chunk.object, "text_completion")
    expectEqual("id", chunk.id, id)
    for (const choice of listAt(chunk, "choices")) {
      expectThat(finish_reason === "", "nothing after the finish_reason", chunk)
      expectEqual("index", valueAt(choice, "index"), 0)
      text += textAt(choice, "text")
      finish_reason = textAt(choice, "finish_reason")
    }
  }
  expectThat(finish_reason !== "", "a finish_reason", chunks.at(-1))
  expectThat(text !== "" || finish_reason === "length", "some text", chunks)
}

export const COMPLETION_CASES: readonly Case[] = [
  {
    id: "completions.whole",
    group,
    door,
    title: "answers whole with a complete text completion and usage, for a prompt and for a list of one",
    model_calls: 2,
    async run(probe) {
      for (const prompt of [PROMPT, [PROMPT]]) {
        const body = textRequest(DOOR, probe.target, { prompt })
        const { usage } = readWholeCompletion(readOk(await probe.ask(DOOR, { body })))
        expectThat(usage.output_tokens > 0, "output tokens", usage)
      }
    },
  },
  {
    id: "completions.stream",
    group,
    door,
    title: "streams text completions to one finish_reason and one [DONE], without usage",
    model_calls: 1,
    async run(probe) {
      const chunks = await readStream(probe, {})
      checkChunks(chunks)
      const with_usage = chunks.filter(chunk => chunk.usage != null)
      expectEqual("chunks with usage that nobody asked for", with_usage, [])
    },
  },
  {
    id: "completions.stream-usage",
    group,
    door,
    title: "shows the usage in a last chunk when include_usage asks for it",
    model_calls: 1,
    async run(probe) {
      const chunks = await readStream(probe, { stream_options: { include_usage: true } })
      checkChunks(chunks)
      const last = chunks.at(-1)
      expectEqual("choices of the usage chunk", last?.choices, [])
      expectThat(readChatUsage(last?.usage).output_tokens > 0, "output tokens", last)
    },
  },
]
