/** What an answer means, whatever its protocol: for comparing two sides of a translation; reads no wire. */
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"
import type { ToolKind } from "../../src/gateway/protocol/model-request.ts"
import type { TokenUsage } from "../../src/wallet/pricing/usage.ts"

export interface CallMeaning {
  tool: ToolKind
  call_id: string
  name: string
  namespace?: string
  arguments: string
}

export interface Meaning {
  /** All texts in order, refusals too: not every protocol tells them apart. */
  said: string
  /** Without blank lines: some protocols part thoughts by them. */
  thought: string
  calls: CallMeaning[]
  usage: TokenUsage | undefined
  /** The stop reason, or `failed: <code>`. */
  end: string
  end_count: number
}

/** The meaning of a legal sequence of events. */
export function meaningOf(events: readonly ModelEvent[]): Meaning {
  const meaning: Meaning = { said: "", thought: "", calls: [], usage: undefined, end: "none", end_count: 0 }
  for (const event of events) add(meaning, event)
  return { ...meaning, thought: meaning.thought.replaceAll("\n\n", "") }
}

function add(meaning: Meaning, event: ModelEvent): void {
  switch (event.type) {
    case "text-delta":
      meaning.said += event.text
      break
    case "reasoning-delta":
      meaning.thought += event.text
      break
    case "tool-call-start": {
      const { type: _, ...call } = event
      meaning.calls.push({ ...call, arguments: "" })
      break
    }
    case "tool-call-delta":
      meaning.calls.at(-1)!.arguments += event.text
      break
    case "usage":
      meaning.usage = event.reported.usage
      break
    case "answer-end":
      meaning.end = event.stop
      meaning.end_count += 1
      break
    case "answer-failed":
      meaning.end = `failed: ${event.code}`
      meaning.end_count += 1
      break
  }
}

/** Everything broken in a sequence of events: ModelEvent's own law. */
export function eventProblems(events: readonly ModelEvent[]): string[] {
  const problems: string[] = []
  let open: string | undefined
  let is_ended = false
  const ids = new Set<string>()
  for (const [place, { type }] of events.entries()) {
    const event = events[place]!
    if (event.type === "tool-call-start") {
      if (ids.has(event.call_id)) problems.push("two calls with one id")
      ids.add(event.call_id)
    }
    if (is_ended) problems.push(`${type} after the end`)
    if ((place === 0) !== (type === "answer-start")) problems.push(`${type} at ${place}`)
    const [, block, step] =
      /^(text|reasoning|tool-call|hosted-call)-(start|delta|citation|end)$/.exec(type) ?? []
    if (step === "start" && open !== undefined) problems.push(`${type} inside ${open}`)
    if (step !== undefined && step !== "start" && open !== block)
      problems.push(`${type} outside of its block`)
    if (step === "start") open = block
    if (step === "end") open = undefined
    if (type === "answer-end" && open !== undefined) problems.push(`an end inside ${open}`)
    if (type === "answer-end" || type === "answer-failed") is_ended = true
  }
  return is_ended ? problems : [...problems, "no end"]
}
