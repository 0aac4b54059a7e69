/**
 * What upstreams must not do and do: streams with generated faults. Nothing throws, the client's stream is legal and
 * ends once, and what was not said is not shown.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { isTerminal } from "../../../src/gateway/protocol/sniffed.ts"
import { createEventSplitter } from "../../../src/gateway/protocol/sse.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { arbitraryConversation } from "../../support/arbitrary-conversation.ts"
import { arbitraryMutations, isSilent, mutate } from "../../support/arbitrary-nonsense.ts"
import { eventProblems, meaningOf } from "../../support/meaning.ts"
import {
  bytesOf,
  CLIENT_PROTOCOLS,
  findViolations,
  mapBack,
  readChunks,
  readClient,
  readStream,
  startOf,
  terminalsOf,
  UPSTREAM_PROTOCOLS,
  writeStream,
} from "../../support/pairs.ts"
import { checkProperty } from "../../support/property.ts"

/** The model's own text: Claude Code carries arguments that are no JSON itself (claude-code-wire 6). */
const isOurs = (violation: string): boolean => !violation.includes("an input that is no JSON object")

/** Whether `part` is `whole` with some of it left out. */
function isLeftOf(part: string, whole: string): boolean {
  let at = 0
  for (const unit of whole) if (part.startsWith(unit, at)) at += unit.length
  return at === part.length
}

describe.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))("on %s", upstream => {
  const conversations = fc
    .constantFrom(...CLIENT_PROTOCOLS)
    .chain(client => arbitraryConversation({ client, upstream }))
  const cases = fc.tuple(conversations, arbitraryMutations)

  test("nonsense becomes a legal stream that ends once, for every client", () => {
    checkProperty(import.meta.path, cases, ([{ pair, events, names }, mutations]) => {
      const stream = writeStream(upstream, events)
      const read = readChunks(upstream, [mutate(stream, mutations)])
      expect(eventProblems(read)).toEqual([])
      const text = writeStream(pair.client, mapBack(pair, read, names))
      expect(findViolations(pair.client, text).filter(isOurs)).toEqual([])
      expect(terminalsOf(pair.client, text)).toHaveLength(1)
      if (!mutations.every(isSilent)) return
      const complete = meaningOf(readStream(upstream, stream))
      expect(isLeftOf(meaningOf(readClient(pair.client, text)).said, complete.said)).toBe(true)
    })
  })
})

/** The bytes by the passage for equal protocols: sniffed, adapted, ended by us when the upstream did not. */
function passOn(upstream: Protocol, bytes: Uint8Array): string {
  const passage = UPSTREAMS[upstream].startPassage()
  const start = startOf(upstream)
  const splitter = createEventSplitter()
  const said = [splitter.push(bytes), splitter.rest()].map(batch => {
    if (batch.text === "" || isTerminal(passage.sniffed)) return ""
    passage.note(batch.text)
    return Buffer.from(passage.adapt(batch, start)).toString("utf8")
  })
  passage.keepalive(start)
  const missing = passage.finish()
  const rest = isTerminal(passage.sniffed) ? missing : passage.fail(new AppError("upstream", "cut"), start)
  return said.join("") + rest
}

test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))(
  "a passage of %s survives nonsense, and legal bytes pass to the letter",
  upstream => {
    const pair = { client: upstream, upstream }
    const cases = fc.tuple(arbitraryConversation(pair), arbitraryMutations)
    checkProperty(import.meta.path, cases, ([{ events }, mutations]) => {
      const stream = writeStream(upstream, events)
      expect(passOn(upstream, bytesOf(stream))).toBe(stream)
      expect(passOn(upstream, mutate(stream, mutations))).toBeString()
    })
  },
)
