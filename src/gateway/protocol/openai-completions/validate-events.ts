/** Checks a stream of text completions that we wrote against the laws of its protocol; never changes or stops it. */
import type { StreamValidator } from "../codec.ts"
import { isJsonObject, type JsonObject } from "../json.ts"
import { DONE } from "../openai-chat/wire.ts"

type Phase = "text" | "finished" | "reported" | "failed" | "done"

/** The start of a stream. */
export function startValidator(): StreamValidator {
  const violations: string[] = []
  let phase: Phase = "text"
  let count = 0
  let shell: string | undefined

  function expect(is_kept: boolean, complaint: string): void {
    if (!is_kept) violations.push(`Chunk ${count - 1} ${complaint}.`)
  }

  function noteChunk(chunk: JsonObject): void {
    const { id, object, created, model, choices, usage } = chunk
    const own_shell = JSON.stringify([id, object, created, model])
    expect(object === "text_completion", "is no text_completion (sdk-wire 2)")
    expect(typeof id === "string" && id !== "" && Number.isSafeInteger(created), "lacks its id or time")
    expect(shell === undefined || shell === own_shell, "has another id, time or model than the first")
    shell ??= own_shell
    const list: unknown[] = Array.isArray(choices) ? choices : []
    if (list.length === 0) {
      expect(isJsonObject(usage) && phase === "finished", "has neither a choice nor the usage at the end")
      phase = "reported"
      return
    }
    expect(phase === "text" && list.length === 1, "has a choice after the end, or several")
    noteChoice(list[0])
  }

  function noteChoice(one: unknown): void {
    const choice = isJsonObject(one) ? one : {}
    expect(choice.index === 0 && typeof choice.text === "string", "has a choice without index 0 and a text")
    const is_known = choice.finish_reason === null || FINISH_REASONS.has(String(choice.finish_reason))
    expect(is_known, "ends for a reason that the protocol does not know")
    if (choice.finish_reason !== null) phase = "finished"
  }

  return {
    note(_name, data) {
      count += 1
      expect(phase !== "done" && phase !== "failed", "follows the end")
      if (data === DONE) {
        expect(phase === "finished" || phase === "reported", "is [DONE] without a finish_reason")
        phase = "done"
      } else if (isJsonObject(data) && isJsonObject(data.error)) {
        expect(phase === "text", "fails an answer that was finished")
        expect(typeof data.error.message === "string", "fails without a message")
        phase = "failed"
      } else if (isJsonObject(data)) noteChunk(data)
      else expect(false, "is no object")
    },
    end: () =>
      phase === "done" || phase === "failed" ? violations : [...violations, "The stream has no end."],
  }
}

const FINISH_REASONS = new Set(["stop", "length", "content_filter"])
