/** Right streams of every upstream protocol: what vendors sent, what our writers say of generated answers, a few by hand. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { arbitraryAnswer, arbitraryFailure } from "../support/arbitrary-model.ts"
import { writeStream } from "../support/pairs.ts"
import { eventsOf } from "./answer-shape.ts"

/** One event as it will stand on the wire; data that is text is written as it is. */
export interface WireEvent {
  name: string | undefined
  data: unknown
}

export type StreamCorpus = Record<Protocol, WireEvent[][]>

const FIXTURES = join(import.meta.dir, "../fixtures")
const GENERATED_COUNT = 120
const FAILED_COUNT = 20

export function makeStreamCorpus(seed: number): StreamCorpus {
  const corpus: StreamCorpus = { "openai-responses": [], "openai-chat": [], "anthropic-messages": [] }
  for (const folder of ["codex-cli", "claude-code", "sdk"]) {
    for (const file of readdirSync(join(FIXTURES, folder)).sort()) {
      if (!file.endsWith(".sse")) continue
      const events = eventsOf(readFileSync(join(FIXTURES, folder, file)))
      corpus[speaks(events)].push(events)
    }
  }
  const answers = [
    ...fc.sample(arbitraryAnswer, { numRuns: GENERATED_COUNT, seed }),
    ...fc.sample(arbitraryFailure, { numRuns: FAILED_COUNT, seed }),
  ]
  for (const protocol of Object.keys(corpus) as Protocol[]) {
    for (const answer of answers) {
      // As the wire has it: generators hang functions on what they make.
      const events = JSON.parse(JSON.stringify(answer)) as typeof answer
      corpus[protocol].push(eventsOf(new TextEncoder().encode(writeStream(protocol, events))))
    }
  }
  return corpus
}

function speaks([first]: WireEvent[]): Protocol {
  const type = first?.name ?? ""
  if (type.startsWith("response.") || type === "keepalive") return "openai-responses"
  return /^(message_start|ping|error)$/.test(type) ? "anthropic-messages" : "openai-chat"
}

/** The events as bytes; `line` is what ends a line. */
export function writeEvents(events: readonly WireEvent[], line: string): string {
  return events.map(event => writeEvent(event, line)).join("")
}

export function writeEvent({ name, data }: WireEvent, line: string): string {
  const text = typeof data === "string" ? data : JSON.stringify(data)
  return `${name === undefined ? "" : `event: ${name}${line}`}data: ${text}${line}${line}`
}
