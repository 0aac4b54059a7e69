/** Runs fuzzed requests against the server and judges each answer; upstreams always answer well. */

import {
  isStream,
  parsed,
  protocolOf,
  type Received,
  refusalProblems,
  streamProblems,
  terminalsIn,
  textOf,
  wholeProblems,
} from "./answer-shape.ts"
import { ask, type Outcome } from "./ask.ts"
import type { Finding, Owners } from "./finding.ts"
import { asObject, isCodex, makeRequest, type RequestCase, showRequest } from "./request-case.ts"
import { type Corpus, MODEL_PATHS } from "./request-corpus.ts"
import type { FuzzStage } from "./stage.ts"
import type { StreamCorpus } from "./stream-corpus.ts"

export interface Fuzzing {
  stage: FuzzStage
  corpus: Corpus
  stream_corpus: StreamCorpus
  seed: number
  owners: Owners
  /** How many answers had each status, by kind of case. */
  statuses: Record<string, number>
  /** Called with what a case sends and gets, when one case is run alone. */
  show?: (text: string) => void
}

export async function fuzzRequest(fuzzing: Fuzzing, index: number): Promise<Finding[]> {
  const { stage, seed, corpus } = fuzzing
  const one = makeRequest(seed, index, { corpus, customers: stage.customers })
  fuzzing.show?.(showRequest(one))
  const path = one.before ? one.path.replace("{id}", await idOf(fuzzing, one, index)) : one.path
  const outcome = await send(fuzzing, index, { ...one, path })
  fuzzing.show?.(showOutcome(outcome))
  countStatus(fuzzing, "request", outcome)
  return judge({ ...one, path }, outcome).map(message => ({
    index,
    message: `${one.method} ${path}: ${message}`,
  }))
}

/** The id of the object that a request leaves behind. */
async function idOf(fuzzing: Fuzzing, { before }: RequestCase, index: number): Promise<string> {
  if (!before) return ""
  const headers = {
    authorization: `Bearer ${fuzzing.stage.customers.rich.key}`,
    "content-type": "application/json",
  }
  const body = new TextEncoder().encode(JSON.stringify(before.body))
  const made = await send(fuzzing, index, { method: "POST", path: before.path, headers, body })
  const text = made.kind === "answered" ? textOf(made) : ""
  return /"id":"((?:resp|chatcmpl)[_-][^"]+)"/.exec(text)?.[1] ?? "resp_none"
}

async function send({ stage, owners }: Fuzzing, index: number, one: RequestCase): Promise<Outcome> {
  const { method, path, headers, body } = one
  let request: Request
  try {
    request = new Request(`http://localhost${path}`, {
      method,
      headers,
      ...(body !== undefined && method !== "GET" && { body }),
    })
  } catch {
    // Such headers or such an address cannot be sent at all.
    request = new Request("http://localhost/")
  }
  const outcome = await ask(stage, request)
  if (outcome.kind === "answered") owners.set(outcome.request_id, index)
  return outcome
}

export function countStatus({ statuses }: Fuzzing, kind: string, outcome: Outcome): void {
  const name = `${kind} ${outcome.kind === "answered" ? outcome.status : outcome.kind}`
  statuses[name] = (statuses[name] ?? 0) + 1
}

export function showOutcome(outcome: Outcome): string {
  if (outcome.kind === "threw") return `threw ${outcome.message}`
  const text = Buffer.from(outcome.bytes).toString("utf8")
  return outcome.kind === "hung" ? `HUNG after ${text}` : `${outcome.status} ${outcome.content_type}\n${text}`
}

/** What is wrong with the answer. */
function judge(one: RequestCase, outcome: Outcome): string[] {
  if (outcome.kind === "hung")
    return [`no end in time: ${Buffer.from(outcome.bytes).toString("utf8").slice(-300)}`]
  if (outcome.kind === "threw") return [`threw ${outcome.message}`]
  const protocol = protocolOf(one.path)
  const { status } = outcome
  const is_door = one.method === "POST" && MODEL_PATHS.some(path => path === one.path)
  if (status >= 500) return [`answered ${status}: ${textOf(outcome).slice(0, 400)}`]
  if (status >= 400) {
    // Everything beside a door is refused in the shape of its family.
    const family = is_door || protocol === "anthropic-messages" ? protocol : "openai-responses"
    return [
      ...refusalProblems(family, outcome, true),
      ...(is_door && isCodexDoor(one) ? codexProblems(outcome) : []),
    ]
  }
  if (isStream(outcome)) return is_door ? streamedProblems(one, outcome) : []
  if (is_door) return isBackground(outcome) ? [] : wholeProblems(protocol, outcome)
  return parsed(textOf(outcome)) === undefined && one.path !== "/"
    ? [`a ${status} that is no JSON: ${textOf(outcome).slice(0, 200)}`]
    : []
}

const isCodexDoor = (one: RequestCase): boolean => one.path === "/v1/responses" && isCodex(one)

/** Codex gets every refusal but 401 as a stream that failed (codex-cli-wire 5). */
const codexProblems = ({ status }: Received): string[] =>
  status === 401 ? [] : [`Codex gets a bare ${status}`]

const isBackground = (received: Received): boolean => {
  const { status } = asObject(parsed(textOf(received)))
  return status === "queued" || status === "in_progress"
}

function streamedProblems(one: RequestCase, outcome: Received): string[] {
  const protocol = protocolOf(one.path)
  const terminals = terminalsIn(protocol, outcome.bytes)
  const ends =
    terminals.length === 1 ? [] : [`the stream has ${terminals.length} ends: ${terminals.join(", ")}`]
  return [...ends, ...streamProblems(protocol, outcome)]
}
