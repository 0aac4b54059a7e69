/** Chat streams for tests: writing, reading and feeding them as text; scripts of upstreams stand in the tests. */
import type { AnswerStart } from "../../src/gateway/protocol/codec.ts"
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"
import { chatClient, chatUpstream } from "../../src/gateway/protocol/openai-chat/codec.ts"
import { eventData, splitEvents } from "../../src/gateway/protocol/sse.ts"

export const CHAT_START: AnswerStart = {
  id: "chatcmpl-test",
  created_at: 1_700_000_000,
  model: "model-x",
  shows_usage: true,
}

/** The text of the stream that these events amount to. */
export function writeChat(events: readonly ModelEvent[], start: AnswerStart = CHAT_START): string {
  const writer = chatClient.startWriting(start)
  return events.map(event => writer.write(event)).join("")
}

/** The parsed `data:` of a stream's text; `[DONE]` stays a text. */
export function chunksOf(text: string): (JsonObject | "[DONE]")[] {
  const latin1 = Buffer.from(text, "utf8").toString("latin1")
  const data = splitEvents(latin1).map(eventData)
  return data.filter(each => each !== "").map(each => (each === "[DONE]" ? each : JSON.parse(each)))
}

/** The events that an upstream's chunks amount to, the end of the stream included. */
export function readChat(chunks: readonly unknown[]): ModelEvent[] {
  const reader = chatUpstream.startReading()
  const events = chunks.filter(chunk => chunk !== "[DONE]").flatMap(chunk => reader.read(chunk))
  return [...events, ...reader.end()]
}

/** A chunk with one choice. */
export const chunk = (delta: object, finish_reason: string | null = null): JsonObject => ({
  id: "c1",
  object: "chat.completion.chunk",
  created: 1,
  model: "up",
  choices: [{ index: 0, delta, finish_reason }],
})

/** Chunks as the text of a stream. */
export const streamOf = (...data: readonly (object | string)[]): string =>
  data.map(each => `data: ${typeof each === "string" ? each : JSON.stringify(each)}\n\n`).join("")
