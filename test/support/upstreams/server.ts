/** An upstream of one protocol on loopback: scripted, strict as the original, shared by many tests at once. */
import {
  type ScriptedUpstream,
  type Step,
  startScriptedUpstream,
  type UpstreamRequest,
} from "../scripted-upstream.ts"
import { chatWire } from "./chat.ts"
import { messagesWire } from "./messages.ts"
import { responsesWire } from "./responses.ts"
import { cutText, freshId, type Issued, type Protocol, type Turn, type Wire } from "./turn.ts"

export type TurnScript = Turn[] | ((request: UpstreamRequest, index: number) => Turn)

/** One conversation: the requests that carry its mark, and what answers them. */
export interface Play {
  /** Written into a prompt, it leads the request here. */
  mark: string
  requests: UpstreamRequest[]
  /** Why requests were refused as malformed; a test that expects none looks here first. */
  refusals: string[]
}

export interface StrictUpstream {
  protocol: Protocol
  key: string
  model: string
  baseUrl: string
  /** Requests without a mark of any play, for example token counts. */
  others: UpstreamRequest[]
  /** A mark of another play leads the same conversation to several upstreams. */
  play(script: TurnScript, mark?: string): Play
  stop(): Promise<void>
}

const WIRES: Record<Protocol, Wire> = {
  "openai-responses": responsesWire,
  "openai-chat": chatWire,
  "anthropic-messages": messagesWire,
}

const MODELS: Record<Protocol, string> = {
  "openai-responses": "gpt-5.5",
  "openai-chat": "vendor/chat-model",
  "anthropic-messages": "claude-opus-4-8",
}

interface Running extends Play {
  script: TurnScript
}

interface House {
  protocol: Protocol
  wire: Wire
  key: string
  issued: Issued
  plays: Running[]
  others: UpstreamRequest[]
}

/** Starts an upstream that knows one key, one model and no conversation yet. */
export function startStrictUpstream(protocol: Protocol): StrictUpstream {
  const house: House = {
    protocol,
    wire: WIRES[protocol],
    key: freshId("sk-upstream-"),
    issued: { seals: new Set() },
    plays: [],
    others: [],
  }
  const server: ScriptedUpstream = startScriptedUpstream(request => stepFor(request, house))
  return {
    protocol,
    key: house.key,
    model: MODELS[protocol],
    baseUrl: server.baseUrl,
    others: house.others,
    play(script, mark = `play-${crypto.randomUUID()}`) {
      const play = { mark, requests: [], refusals: [], script }
      house.plays.push(play)
      return play
    },
    stop: () => server.stop(),
  }
}

function stepFor(request: UpstreamRequest, house: House): Step {
  const text = new TextDecoder().decode(request.bytes)
  const play = house.plays.find(({ mark }) => text.includes(mark))
  const problems = problemsOf(request, house)
  if (request.path.endsWith("/count_tokens") && problems.length === 0) {
    house.others.push(request)
    return { json: { input_tokens: Math.ceil(request.bytes.length / 4) } }
  }
  if (!play) {
    house.others.push(request)
    return refuse(["no script has its mark in this request"], house)
  }
  const index = play.requests.push(request) - 1
  if (problems.length > 0) {
    play.refusals.push(...problems)
    return refuse(problems, house)
  }
  const turn = typeof play.script === "function" ? play.script(request, index) : play.script[index]
  if (!turn) {
    play.refusals.push(`no turn for request ${index + 1}`)
    return refuse(play.refusals, house)
  }
  return answerBy(turn, { request, house, play })
}

function problemsOf(request: UpstreamRequest, { protocol, wire, key, issued }: House): string[] {
  if (request.path === `${wire.path}/count_tokens`) return keyProblems(request, protocol, key)
  if (request.path !== wire.path) return [`no such path: ${request.path}`]
  const model = request.body?.model
  const unknown = model === MODELS[protocol] ? [] : [`The model '${model}' does not exist`]
  return [...keyProblems(request, protocol, key), ...unknown, ...wire.problems(request, issued)]
}

/** Anthropic's key has a header of its own; nobody's credentials may come along. */
function keyProblems({ headers }: UpstreamRequest, protocol: Protocol, key: string): string[] {
  const is_anthropic = protocol === "anthropic-messages"
  const seen = is_anthropic ? headers.get("x-api-key") : headers.get("authorization")?.replace("Bearer ", "")
  const all = JSON.stringify([...headers])
  return [
    ...(seen === key ? [] : [`invalid API key: ${seen}`]),
    ...(all.includes("cxk_") ? ["the customer's own key has been passed on"] : []),
  ]
}

function refuse(problems: string[], { wire }: House): Step {
  return wire.refusal({ kind: "invalid", message: problems.join(" | ") })
}

interface Answering {
  request: UpstreamRequest
  house: House
  play: Running
}

function answerBy(script: Turn, { request, house, play }: Answering): Step {
  const { wire } = house
  if (script.refusal) {
    const seconds = script.refusal.retry_after_seconds
    const headers: Record<string, string> = seconds === undefined ? {} : { "retry-after": String(seconds) }
    return { ...wire.refusal(script.refusal), headers }
  }
  const turn = sealed(script, house)
  const body = request.body ?? {}
  try {
    if (body.stream !== true) return { json: wire.whole(turn, body) }
    return streamStep(turn, wire.frames(turn, body), wire)
  } catch (error) {
    // The script wants a tool the request does not offer: the test is told, and the client gets a 400.
    play.refusals.push(String(error))
    return refuse([String(error)], house)
  }
}

/** Every reasoning gets its seal, and the seal is one this upstream knows again. */
function sealed(turn: Turn, { issued }: House): Turn {
  const parts = turn.parts.map(part => {
    if (part.kind !== "reasoning") return part
    const seal = part.seal ?? freshId("gAAAAAB+/")
    issued.seals.add(seal)
    return { ...part, seal }
  })
  return { ...turn, parts }
}

function streamStep(turn: Turn, frames: string[], wire: Wire): Step {
  const pause = turn.gap_ms ? { gapMs: turn.gap_ms } : {}
  const how = turn.break?.how
  const after = turn.break?.after === "some" ? framesWithText(turn, frames) : 1
  if (how === "error")
    return {
      ...pause,
      sse: shaped([...frames.slice(0, after), wire.failureFrame("The upstream broke")], turn),
    }
  if (how === "silence") return { ...pause, sse: frames, silent: true, after }
  if (how) return { ...pause, sse: frames, cut: how, after }
  return { ...pause, sse: shaped(frames, turn) }
}

/** How many frames it takes until two pieces of the first text are out. */
function framesWithText(turn: Turn, frames: string[]): number {
  const part = turn.parts.find(one => one.kind === "text")
  const pieces = part?.kind === "text" ? cutText(part.text, turn.pieces) : []
  const second = JSON.stringify(pieces[1] ?? "").slice(1, -1)
  if (!second) throw new Error("a turn that breaks after some text needs a longer text")
  return frames.findIndex(frame => frame.includes(second)) + 1
}

/** The same bytes, in the line ends and the cuts that were asked for. */
function shaped(frames: string[], { form }: Turn): (string | Uint8Array)[] {
  const lines = form?.is_crlf ? frames.map(frame => frame.replaceAll("\n", "\r\n")) : frames
  const size = form?.bytes_per_chunk
  if (!size) return lines
  const bytes = new TextEncoder().encode(lines.join(""))
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size))
  return chunks
}
