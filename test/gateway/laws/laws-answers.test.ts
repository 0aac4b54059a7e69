/**
 * The laws of gateway.md for generated answers, over every pair of client and upstream protocol: bytes of the upstream,
 * cut anywhere, through its reader, back into the client's words, as the client's stream and as its whole answer.
 */
import { expect, test } from "bun:test"
import { CLIENTS, UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import { argumentsOf, parseArguments } from "../../../src/gateway/protocol/exact-json.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type { TokenUsage } from "../../../src/wallet/pricing/usage.ts"
import { arbitraryConversation, type Conversation } from "../../support/arbitrary-conversation.ts"
import { eventProblems, type Meaning, meaningOf } from "../../support/meaning.ts"
import {
  bytesOf,
  cutAt,
  findViolations,
  mapBack,
  NAMED_PAIRS,
  type Pair,
  readChunks,
  readClient,
  readStream,
  readWhole,
  startOf,
  terminalsOf,
  writeStream,
} from "../../support/pairs.ts"
import { checkProperty } from "../../support/property.ts"

/** The upstream's bytes. */
function upstreamText({ pair, events, has_crlf }: Conversation): string {
  const text = writeStream(pair.upstream, events)
  return has_crlf ? text.replaceAll("\n", "\r\n") : text
}

/** What of a meaning the client's protocol can say. */
function sayable({ client }: Pair, meaning: Meaning): Meaning {
  const usage = meaning.usage && shownUsage(client, meaning.usage)
  const shown = { ...meaning, usage }
  if (client !== "openai-completions") return shown
  return { ...shown, thought: "", calls: [], end: meaning.end === "tool_call" ? "end" : meaning.end }
}

/** OpenAI's shapes count cache writes as fresh input; Anthropic's keeps every counter apart. */
function shownUsage(client: Pair["client"], usage: TokenUsage): TokenUsage {
  if (client === "anthropic-messages") return usage
  const { cache_write_5m_tokens: short, cache_write_1h_tokens: long } = usage
  return {
    ...usage,
    input_tokens: usage.input_tokens + short + long,
    cache_write_5m_tokens: 0,
    cache_write_1h_tokens: 0,
  }
}

/** Not every protocol names a refusal as the reason of its end; completions call it a filter. */
function heard(events: readonly ModelEvent[]): Meaning {
  const meaning = meaningOf(events)
  const plain = meaning.calls.length > 0 ? "tool_call" : "end"
  return { ...meaning, end: /^(refusal|content_filter)$/.test(meaning.end) ? plain : meaning.end }
}

/** A whole Messages answer has its arguments as an object: spacing means nothing there, every digit does. */
function withoutSpacing(events: readonly ModelEvent[]): Meaning {
  const meaning = heard(events)
  const calls = meaning.calls.map(call => ({
    ...call,
    arguments: argumentsOf(parseArguments(call.arguments)),
  }))
  return { ...meaning, calls }
}

/** 1: any split of the bytes gives the same events, and they are a legal sequence. */
function readSplit(conversation: Conversation): readonly ModelEvent[] {
  const { upstream } = conversation.pair
  const text = upstreamText(conversation)
  const read = readChunks(upstream, cutAt(bytesOf(text), conversation.cuts))
  expect(read).toEqual(readStream(upstream, text))
  expect(eventProblems(read)).toEqual([])
  return read
}

/** 2, 3, 6, 7, 8: the stream is legal, ends once, and says what the upstream said and no more. */
function expectStream({ pair, meaning }: Conversation, text: string): void {
  expect(findViolations(pair.client, text)).toEqual([])
  expect(terminalsOf(pair.client, text)).toHaveLength(1)
  expect(heard(readClient(pair.client, text))).toEqual(sayable(pair, meaning))
}

/** 4: a whole answer is the collected stream, on both sides. */
function expectWhole(
  { pair, names, events }: Conversation,
  read: readonly ModelEvent[],
  shown: string,
): void {
  const whole = CLIENTS[pair.upstream].collect(startOf(pair.upstream), events)
  const read_whole = UPSTREAMS[pair.upstream].readAnswer(whole)
  expect(eventProblems(read_whole)).toEqual([])
  const is_exact = ![pair.client, pair.upstream].includes("anthropic-messages")
  const compared = is_exact ? heard : withoutSpacing
  expect(compared(read_whole)).toEqual(compared(read))
  const meaning = compared(readClient(pair.client, shown))
  for (const said of [read, read_whole]) {
    const collected = CLIENTS[pair.client].collect(startOf(pair.client), mapBack(pair, said, names))
    expect(compared(readWhole(pair.client, collected))).toEqual(meaning)
  }
}

/** 4 where the bytes pass: the whole answer that the gateway makes of a stream is the collected one. */
function expectPassed({ pair, events }: Conversation): void {
  const text = writeStream(pair.upstream, events)
  const whole = UPSTREAMS[pair.upstream].wholeAnswer(Buffer.from(text).toString("latin1"))
  const collected: JsonObject = CLIENTS[pair.client].collect(startOf(pair.upstream), events)
  expect(JSON.parse(whole ?? "null")).toEqual(JSON.parse(JSON.stringify(collected)))
}

test.each(NAMED_PAIRS)("laws 1 to 8 hold: %s", (_, pair) => {
  checkProperty(import.meta.path, arbitraryConversation(pair), conversation => {
    const read = readSplit(conversation)
    const text = writeStream(pair.client, mapBack(pair, read, conversation.names))
    expectStream(conversation, text)
    expectWhole(conversation, read, text)
    if (pair.client === pair.upstream) expectPassed(conversation)
  })
})
