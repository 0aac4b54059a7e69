/** A short right answer of each upstream protocol, streamed or whole as the request asks. */

import { UPSTREAMS } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject } from "../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { NO_USAGE } from "../../src/wallet/pricing/usage.ts"
import { writeStream } from "../support/pairs.ts"

const EVENTS: ModelEvent[] = [
  { type: "answer-start", id: "up_1", model: "m" },
  { type: "text-start" },
  { type: "text-delta", text: "Fine" },
  { type: "text-delta", text: ", thank you." },
  { type: "text-end" },
  { type: "usage", reported: { usage: { ...NO_USAGE, input_tokens: 20, output_tokens: 5 } } },
  { type: "answer-end", stop: "end" },
]

const streams = new Map<Protocol, string>()

function streamOf(protocol: Protocol): string {
  const stream = streams.get(protocol) ?? writeStream(protocol, EVENTS)
  streams.set(protocol, stream)
  return stream
}

/** `undefined` when the request's body is no JSON object. */
export function legalAnswer(protocol: Protocol, body: string): Response | undefined {
  const asked = parse(body)
  if (!isJsonObject(asked)) return undefined
  const stream = streamOf(protocol)
  return asked.stream === true
    ? new Response(stream, { headers: { "content-type": "text/event-stream" } })
    : new Response(UPSTREAMS[protocol].wholeAnswer(stream), {
        headers: { "content-type": "application/json" },
      })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What the caller wants to know.
    return undefined
  }
}
