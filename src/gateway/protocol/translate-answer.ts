/** Maps an upstream's answer to what its client of another protocol calls things; reads and writes no wire. */
import { CUSTOM_PARAMETER } from "./flatten-tools.ts"
import { present } from "./json.ts"
import { startTextField, type TextField } from "./json-text-field.ts"
import type { ModelEvent } from "./model-event.ts"
import type { Protocol } from "./model-request.ts"
import { sealForClient } from "./strip-reasoning.ts"
import type { ToolNames } from "./tool-names.ts"

export interface AnswerOrigin {
  upstream_id: string
  /** The client's protocol. */
  from: Protocol
  /** The upstream's protocol. */
  to: Protocol
}

/** One answer's way back; keeps the open block in mind, so each answer needs its own. */
export interface AnswerMap {
  /** The same list when nothing in it has to change: text passes without a copy. */
  map(events: readonly ModelEvent[]): readonly ModelEvent[]
}

/**
 * Gives tools their client's names back, freeform calls their raw text and thinking the seal of its upstream. A name
 * that is not known passes as it is: the client says what it thinks of it.
 */
export function createAnswerMap(names: ToolNames, origin: AnswerOrigin): AnswerMap {
  const calls = createCallMap(names)
  const reasoning = createReasoningMap(origin)

  function mapOne(event: ModelEvent): ModelEvent | readonly ModelEvent[] {
    switch (event.type) {
      case "tool-call-start":
        return calls.start(event)
      case "tool-call-delta":
        return calls.delta(event)
      case "tool-call-end":
        return calls.end(event)
      case "reasoning-start":
      case "reasoning-delta":
      case "reasoning-end":
        return reasoning(event)
      default:
        return event
    }
  }

  return {
    map(events) {
      let mapped: ModelEvent[] | undefined
      for (let index = 0; index < events.length; index++) {
        const event = events[index]!
        const now = mapOne(event)
        if (now === event && mapped === undefined) continue
        mapped ??= events.slice(0, index)
        if (Array.isArray(now)) mapped.push(...now)
        else mapped.push(now as ModelEvent)
      }
      return mapped ?? events
    },
  }
}

type EventOf<T extends ModelEvent["type"]> = Extract<ModelEvent, { type: T }>

interface CallMap {
  start(event: EventOf<"tool-call-start">): ModelEvent
  delta(event: EventOf<"tool-call-delta">): ModelEvent | readonly ModelEvent[]
  end(event: EventOf<"tool-call-end">): ModelEvent | readonly ModelEvent[]
}

const NOTHING: readonly ModelEvent[] = []

function createCallMap(names: ToolNames): CallMap {
  /** The text of the open call when it is a freeform one that came as a function. */
  let field: TextField | undefined
  return {
    start(event) {
      const known = event.namespace === undefined ? names.get(event.name) : undefined
      const is_function = event.tool === "function"
      field = is_function && known?.tool === "custom" ? startTextField(CUSTOM_PARAMETER) : undefined
      if (known === undefined || isSame(known, event)) return event
      const { name, namespace } = known
      const tool = is_function ? known.tool : event.tool
      return present({ type: event.type, tool, call_id: event.call_id, name, namespace })
    },
    delta(event) {
      if (field === undefined) return event
      const text = field.push(event.text)
      return text === "" ? NOTHING : { type: "tool-call-delta", text }
    },
    end(event) {
      const rest = field?.end(event.is_cut === true) ?? ""
      return rest === "" ? event : [{ type: "tool-call-delta", text: rest }, event]
    },
  }
}

const isSame = (
  known: { tool: string; name: string; namespace?: string },
  event: EventOf<"tool-call-start">,
): boolean => known.tool === event.tool && known.name === event.name && known.namespace === undefined

type ReasoningEvent = EventOf<"reasoning-start" | "reasoning-delta" | "reasoning-end">

/**
 * Thinking is sealed with the name of its upstream, even where the upstream seals nothing, so that it comes back to it.
 * The Codex CLI shows and replays a summary, but not always the thinking itself (codex-cli-wire 4.1), so Responses
 * clients get foreign thinking as one summary part.
 */
function createReasoningMap({ upstream_id, from, to }: AnswerOrigin): (event: ReasoningEvent) => ModelEvent {
  const is_foreign = from !== to
  const is_summary = is_foreign && from === "openai-responses"
  let has_text = false
  return event => {
    if (!is_foreign) return event
    switch (event.type) {
      case "reasoning-start":
        has_text = false
        return event
      case "reasoning-delta":
        has_text = true
        return is_summary ? { type: event.type, of: "summary", index: 0, text: event.text } : event
      case "reasoning-end":
        if (event.sealed === undefined && !has_text) return event
        return { ...event, sealed: sealForClient(upstream_id, event) }
    }
  }
}
