/** Runs fuzzed upstream answers through the server and judges what the client gets of each. */
import type { Answer } from "../support/fake-fetch.ts"
import { streamAnswer } from "../support/fake-fetch.ts"
import {
  eventsOf,
  isStream,
  parsed,
  type Received,
  refusalProblems,
  streamProblems,
  terminalsIn,
  textOf,
  wholeProblems,
} from "./answer-shape.ts"
import { ask, type Outcome } from "./ask.ts"
import type { Finding } from "./finding.ts"
import { countStatus, type Fuzzing, showOutcome } from "./fuzz-requests.ts"
import { asObject } from "./request-case.ts"
import { inventedText } from "./said-text.ts"
import { markOf } from "./stage.ts"
import { makeStream, type StreamCase } from "./stream-case.ts"

/** Whether the upstream falls silent, so that only the clock ends it. */
export const needsClock = (fuzzing: Fuzzing, index: number): boolean =>
  ["silence", "late-end"].includes(caseOf(fuzzing, index).upstream.end)

const caseOf = ({ seed, stream_corpus }: Fuzzing, index: number): StreamCase =>
  makeStream(seed, index, stream_corpus)

export async function fuzzStream(fuzzing: Fuzzing, index: number): Promise<Finding[]> {
  const { stage, owners, show } = fuzzing
  const one = caseOf(fuzzing, index)
  show?.(showCase(one))
  stage.scripts.set(markOf(index), answerOf(fuzzing, one))
  const headers = { ...one.headers, authorization: `Bearer ${stage.customers[one.customer].key}` }
  const hang_up = new AbortController()
  const init = { method: "POST", headers, body: JSON.stringify(one.body), signal: hang_up.signal }
  const request = new Request(`http://localhost${one.path}`, init)
  const { leaves_after } = one
  const outcome = await ask(stage, request, leaves_after === undefined ? {} : { leaves_after, hang_up })
  stage.scripts.delete(markOf(index))
  if (outcome.kind === "answered") owners.set(outcome.request_id, index)
  countStatus(fuzzing, "stream", outcome)
  show?.(showOutcome(outcome))
  const about = `${one.client} on ${one.model.name.replace("fuzz-", "")}${one.body.stream === true ? "" : ", whole"}`
  return judge(one, outcome).map(message => ({ index, message: `${about}: ${message}` }))
}

/** The upstream's answer, each chunk on its own. */
function answerOf({ stage }: Fuzzing, { upstream }: StreamCase): Answer {
  const { status, headers, chunks, end } = upstream
  if (status !== 200)
    return () => new Response(status === 204 ? null : Buffer.concat(chunks), { status, headers })
  if (end === "end" || end === "reset") {
    return async call => {
      const answer = await streamAnswer(chunks, end)(call)
      return new Response(answer.body, { status, headers })
    }
  }
  return call => new Response(slowBody(stage.app.clock, call.signal, upstream), { status, headers })
}

const LATE_MS = 40_000

/** Says half, is silent for a while, and then says the rest; or nothing more, ever. */
function slowBody(
  clock: Fuzzing["stage"]["app"]["clock"],
  signal: AbortSignal,
  { chunks, end }: StreamCase["upstream"],
): ReadableStream<Uint8Array> {
  const half = Math.ceil(chunks.length / 2)
  return new ReadableStream({
    start(controller) {
      let is_over = false
      signal.addEventListener("abort", () => {
        if (!is_over) controller.error(signal.reason)
        is_over = true
      })
      for (const chunk of chunks.slice(0, half)) controller.enqueue(chunk)
      if (end === "silence") return
      clock.after(LATE_MS, () => {
        if (is_over) return
        is_over = true
        for (const chunk of chunks.slice(half)) controller.enqueue(chunk)
        controller.close()
      })
    },
  })
}

function showCase({ model, client, path, headers, body, upstream, leaves_after }: StreamCase): string {
  const { chunks, ...rest } = upstream
  const said = Buffer.concat(chunks).toString("utf8")
  return `${client} on ${model.name}: ${path} ${JSON.stringify({ headers, body, leaves_after })}\nupstream ${JSON.stringify(rest)} in ${chunks.length} chunks:\n${said.slice(0, 20_000)}\n── the client gets`
}

/** By gateway.md and claude-code-wire 7: what an upstream's failure may look like. */
const UPSTREAM_FAILED = new Set([502, 503, 504, 529])

function judge(one: StreamCase, outcome: Outcome): string[] {
  if (outcome.kind === "hung")
    return [`no end in time: ${Buffer.from(outcome.bytes).toString("utf8").slice(-300)}`]
  if (outcome.kind === "threw") return [`threw ${outcome.message}`]
  const { status } = outcome
  const is_ours = status >= 500 && !UPSTREAM_FAILED.has(status)
  if (is_ours) return [`answered ${status}: ${textOf(outcome).slice(0, 300)}`]
  // A client that left has not read the rest.
  if (one.leaves_after !== undefined) return []
  if (status === 200)
    return isStream(outcome) ? streamedProblems(one, outcome) : wholeAnswerProblems(one, outcome)
  if (status < 400) return [`answered ${status}`]
  return refusalProblems(one.client, outcome, false)
}

/** Equal protocols pass to the letter, an upstream's nonsense too: only the end is ours to guarantee. */
const passes = ({ model, client }: StreamCase): boolean => model.protocol === client && !model.has_quirks

/** Arguments are byte-exact: a model that writes no JSON object is heard as it is (law 6 of gateway.md). */
const ARGUMENTS = /follows an input that is no JSON object/

function streamedProblems(one: StreamCase, outcome: Received): string[] {
  const terminals = terminalsIn(one.client, outcome.bytes)
  const ends =
    terminals.length === 1 ? [] : [`the stream has ${terminals.length} ends: ${terminals.join(", ")}`]
  if (one.body.stream !== true && !one.headers.originator)
    ends.push("a stream for a client that did not ask for one")
  if (passes(one)) return ends
  const problems = streamProblems(one.client, outcome).filter(problem => !ARGUMENTS.test(problem))
  return [
    ...ends,
    ...problems,
    ...textProblems(
      one,
      eventsOf(outcome.bytes).map(({ data }) => data),
    ),
  ]
}

function wholeAnswerProblems(one: StreamCase, outcome: Received): string[] {
  const body = parsed(textOf(outcome))
  if (passes(one)) return parsed(textOf(outcome)) === undefined ? ["a whole answer that is no JSON"] : []
  return [...wholeProblems(one.client, outcome), ...textProblems(one, [asObject(body)])]
}

function textProblems({ client, upstream }: StreamCase, said: readonly unknown[]): string[] {
  const invented = inventedText(client, said, Buffer.concat(upstream.chunks))
  return invented === undefined
    ? []
    : [`text that the upstream never said: ${JSON.stringify(invented.slice(0, 200))}`]
}
