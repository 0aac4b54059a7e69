/**
 * Remembers what a model thought before it called tools, for upstreams that want it back (quirk reasoning-content) and
 * Chat clients that do not send it: the wire has no place for it that all of them know. In memory, bounded, may be lost.
 */
import type { Clock } from "../platform/clock.ts"
import type { Outlet } from "./outlet.ts"
import { UPSTREAMS } from "./protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "./protocol/json.ts"
import type { ModelEvent } from "./protocol/model-event.ts"
import { dataOf } from "./protocol/sse.ts"

export interface ReasoningMemory {
  /** Keeps the thinking of an answer under each of its calls; an answer without calls needs none. */
  remember(customer_id: string, events: Iterable<ModelEvent>): void
  /** The Chat body with what its assistant messages leave out put back; the same body when nothing is known. */
  recall(customer_id: string, body: JsonObject): JsonObject
}

/** A turn of tool calls goes on at once; one that waits for a person longer than this thinks anew. */
const MEMORY_MS = 60 * 60_000
const LARGEST_TEXT = 256 * 1024
const LARGEST_MEMORY = 64 * 1024 * 1024

interface Thought {
  text: string
  until: number
}

export function createReasoningMemory(clock: Clock): ReasoningMemory {
  /** In the order of their making: the first is the oldest. */
  const thoughts = new Map<string, Thought>()
  let size = 0

  function forget(key: string): void {
    size -= thoughts.get(key)?.text.length ?? 0
    thoughts.delete(key)
  }

  function keep(key: string, text: string): void {
    forget(key)
    thoughts.set(key, { text, until: clock.now() + MEMORY_MS })
    size += text.length
    for (const [oldest, { until }] of thoughts) {
      if (size <= LARGEST_MEMORY && until > clock.now()) break
      forget(oldest)
    }
  }

  return {
    remember(customer_id, events) {
      const { text, call_ids } = thoughtOf(events)
      if (text === "" || text.length > LARGEST_TEXT) return
      for (const call_id of call_ids) keep(keyOf(customer_id, call_id), text)
    },
    recall(customer_id, body) {
      const now = clock.now()
      const find = (call_id: string) => {
        const thought = thoughts.get(keyOf(customer_id, call_id))
        return thought && thought.until > now ? thought.text : undefined
      }
      const messages = Array.isArray(body.messages) ? body.messages : []
      const completed = messages.map(message => complete(message, find))
      return completed.some((message, index) => message !== messages[index])
        ? { ...body, messages: completed }
        : body
    },
  }
}

const keyOf = (customer_id: string, call_id: string) => `${customer_id}\0${call_id}`

function thoughtOf(events: Iterable<ModelEvent>): { text: string; call_ids: string[] } {
  let text = ""
  const call_ids: string[] = []
  for (const event of events) {
    if (event.type === "reasoning-delta") text += event.text
    else if (event.type === "tool-call-start") call_ids.push(event.call_id)
  }
  return { text, call_ids }
}

/** An assistant message with calls and without its thinking gets it back by its first known call. */
function complete(message: unknown, find: (call_id: string) => string | undefined): unknown {
  if (!isJsonObject(message) || !Array.isArray(message.tool_calls)) return message
  if (typeof message.reasoning_content === "string") return message
  for (const call of message.tool_calls) {
    const text = isJsonObject(call) && typeof call.id === "string" ? find(call.id) : undefined
    if (text !== undefined) return { ...message, reasoning_content: text }
  }
  return message
}

/** The same outlet, whose Chat stream is remembered when it has ended. */
export function rememberStream(memory: ReasoningMemory, customer_id: string, outlet: Outlet): Outlet {
  const reader = UPSTREAMS["openai-chat"].startReading()
  const kept: ModelEvent[] = []
  return {
    ...outlet,
    write(batch) {
      for (const data of dataOf(batch)) {
        for (const event of reader.read(data)) if (isThought(event)) kept.push(event)
      }
      if (batch.is_end) memory.remember(customer_id, kept)
      return outlet.write(batch)
    },
  }
}

const isThought = ({ type }: ModelEvent): boolean => type === "reasoning-delta" || type === "tool-call-start"
