/**
 * Every recorded request through every upstream protocol, and every recorded stream through every client protocol. What
 * is written must be read by that protocol's own reader, and its vendor's strict rules must hold.
 */
import { describe, expect, test } from "bun:test"
import { admitRequest } from "../../../src/gateway/protocol/admission.ts"
import { CLIENTS, UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import type { ModelRequest, Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { translateRequest } from "../../../src/gateway/protocol/translate-request.ts"
import { type CapturedRequest, listCapturedStreams, listCaptures } from "../../support/captures.ts"
import { eventProblems, meaningOf } from "../../support/meaning.ts"
import {
  bytesOf,
  CLIENT_PROTOCOLS,
  findViolations,
  mapBack,
  readChunks,
  readClient,
  readStream,
  spokenBy,
  terminalsOf,
  UPSTREAM_ID,
  UPSTREAM_PROTOCOLS,
  writeStream,
} from "../../support/pairs.ts"
import { strictProblems } from "../../support/strict-rules.ts"
import { targetOf } from "../../support/target.ts"

const CAPTURES = listCaptures()

/** Recorded requests that nobody can serve, and the field that the refusal names. */
const REFUSED: Record<string, string> = {
  "sdk/01-openai-node-requests.json#1": "messages",
  "sdk/01-openai-node-requests.json#2": "messages",
  "sdk/01-openai-node-requests.json#3": "messages",
  "sdk/03-anthropic-node-requests.json#4": "thread.previous_message_id",
}

function admitted({ name, client, body }: CapturedRequest): ModelRequest | undefined {
  const admission = admitRequest(CLIENTS[client], body, JSON.stringify(body).length)
  if (admission.ok) return admission.admitted.request
  expect([name, admission.field]).toEqual([name, REFUSED[name] ?? "nothing"])
  return undefined
}

/** Blobs that the recorded upstream of the same protocol has made. */
function sealsOf(text: string): Set<string> {
  const found = text.matchAll(/"(?:encrypted_content|signature|data)":"([^"]*)"/g)
  return new Set([...found].map(([, seal = ""]) => seal))
}

/** What the recording itself does that its vendor refuses: `parameters: {}`, items that our own store answers. */
const ownProblems = ({ client, body }: CapturedRequest, seals: Set<string>): Set<string> =>
  new Set(client === "openai-completions" ? [] : strictProblems(client, body, seals))

test("there are recordings of every client protocol", () => {
  const counts = Object.groupBy(CAPTURES, ({ client }) => client)
  expect(Object.keys(counts).sort()).toEqual([...CLIENT_PROTOCOLS].sort())
  expect(CAPTURES.length).toBeGreaterThanOrEqual(80)
})

describe.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))("for an upstream of %s", upstream => {
  test.each(CAPTURES.map(capture => [capture.name, capture] as const))("%s", (_, capture) => {
    const request = admitted(capture)
    if (request === undefined) return
    const target = { ...targetOf(upstream), upstream_id: UPSTREAM_ID }
    const from: Protocol = spokenBy(capture.client)
    const translated = translateRequest(request, from, target)
    if (!translated.ok) throw new Error(`${translated.field}: ${translated.message}`)
    const body = UPSTREAMS[upstream].writeRequest(translated.request, target)
    const text = JSON.stringify(body)
    const seals = from === upstream ? sealsOf(JSON.stringify(capture.body)) : new Set<string>()
    const own = ownProblems(capture, seals)
    expect(strictProblems(upstream, body, seals).filter(problem => !own.has(problem))).toEqual([])
    expect(CLIENTS[upstream].readRequest(JSON.parse(text))).toMatchObject({ ok: true })
    // Claude Code's billing line destroys the cache of whoever does not know it.
    if (upstream !== "anthropic-messages")
      expect(text).not.toMatch(/x-anthropic-billing-header|cache_control|context_management/)
  })
})

const STREAMS = listCapturedStreams()

describe.each(CLIENT_PROTOCOLS.map(client => [client]))("for a client of %s", client => {
  test.each(STREAMS.map(stream => [stream.name, stream] as const))("%s", (_, { protocol, text }) => {
    const read = readStream(protocol, text)
    expect(eventProblems(read)).toEqual([])
    const said = meaningOf(read)
    const shown = writeStream(client, mapBack({ client, upstream: protocol }, read))
    expect(findViolations(client, shown)).toEqual([])
    expect(terminalsOf(client, shown)).toHaveLength(1)
    const heard = meaningOf(readClient(client, shown))
    expect(heard.said).toBe(said.said)
    expect(heard.end.startsWith("failed")).toBe(said.end.startsWith("failed"))
    if (client === "openai-completions") return
    const is_wrapped = client === "anthropic-messages"
    const expected = said.calls.map(call =>
      is_wrapped && call.tool === "custom" ? JSON.stringify({ input: call.arguments }) : call.arguments,
    )
    expect(heard.calls.map(call => call.arguments)).toEqual(expected)
  })
})

test.each(STREAMS.map(stream => [stream.name, stream] as const))(
  "%s says the same cut in two at any byte",
  (_, { protocol, text }) => {
    const bytes = bytesOf(text)
    const whole = JSON.stringify(readStream(protocol, text))
    for (let place = 0; place < bytes.length; place += 7) {
      const chunks = [bytes.subarray(0, place), bytes.subarray(place)]
      if (JSON.stringify(readChunks(protocol, chunks)) !== whole) throw new Error(`split at ${place}`)
    }
  },
)
