/** The stream that a stored response amounts to: its items to the letter, numbered from 0; not what was recorded live. */
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { eventText } from "../protocol/sse.ts"
import { type Item, typeOf } from "./items.ts"
import { outputOf } from "./responses.ts"
import { terminalEvent } from "./run-model.ts"

type Event = JsonObject & { type: string }

/** The events of a finished response in the order of sdk-wire 2, with the ids that it has. */
export function* eventsOfResponse(response: JsonObject): Generator<Event> {
  let sequence_number = 0
  for (const event of unnumbered(response)) yield { ...event, sequence_number: sequence_number++ }
}

function* unnumbered(response: JsonObject): Generator<Event> {
  const started = {
    ...response,
    status: "in_progress",
    output: [],
    usage: null,
    error: null,
    incomplete_details: null,
  }
  yield { type: "response.created", response: started }
  yield { type: "response.in_progress", response: started }
  for (const [output_index, item] of outputOf(response).entries()) {
    yield* eventsOfItem(item, { item_id: item.id, output_index })
  }
  yield terminalEvent(response)
}

/** Where an event belongs. */
interface Place {
  item_id: unknown
  output_index: number
}

function* eventsOfItem(item: Item, place: Place): Generator<Event> {
  const { output_index } = place
  yield { type: "response.output_item.added", output_index, item: { ...item, ...emptied(item) } }
  yield* eventsInside(item, place)
  yield { type: "response.output_item.done", output_index, item }
}

/** What an item has not when it is added. */
function emptied(item: Item): JsonObject {
  switch (typeOf(item)) {
    case "message":
      return { status: "in_progress", content: [] }
    case "reasoning":
      return { summary: [] }
    case "function_call":
      return { status: "in_progress", arguments: "" }
    case "custom_tool_call":
      return { status: "in_progress", input: "" }
    default:
      return {}
  }
}

function* eventsInside(item: Item, place: Place): Generator<Event> {
  switch (typeOf(item)) {
    case "message":
      for (const [content_index, part] of partsOf(item.content).entries()) {
        yield* eventsOfPart(part, { ...place, content_index })
      }
      return
    case "reasoning":
      yield* eventsOfReasoning(item, place)
      return
    case "function_call":
      yield { type: "response.function_call_arguments.delta", ...place, delta: item.arguments }
      yield {
        type: "response.function_call_arguments.done",
        ...place,
        name: item.name,
        arguments: item.arguments,
      }
      return
    case "custom_tool_call":
      yield { type: "response.custom_tool_call_input.delta", ...place, delta: item.input }
      yield { type: "response.custom_tool_call_input.done", ...place, input: item.input }
  }
}

const partsOf = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : [])

function* eventsOfPart(part: JsonObject, place: Place & { content_index: number }): Generator<Event> {
  if (part.type === "refusal") {
    yield { type: "response.content_part.added", ...place, part: { ...part, refusal: "" } }
    yield { type: "response.refusal.delta", ...place, delta: part.refusal }
    yield { type: "response.refusal.done", ...place, refusal: part.refusal }
  } else {
    const { text } = part
    yield { type: "response.content_part.added", ...place, part: { ...part, text: "", annotations: [] } }
    yield { type: "response.output_text.delta", ...place, delta: text, logprobs: [] }
    for (const [annotation_index, annotation] of partsOf(part.annotations).entries()) {
      yield { type: "response.output_text.annotation.added", ...place, annotation_index, annotation }
    }
    yield { type: "response.output_text.done", ...place, text, logprobs: [] }
  }
  yield { type: "response.content_part.done", ...place, part }
}

function* eventsOfReasoning(item: Item, place: Place): Generator<Event> {
  for (const [summary_index, part] of partsOf(item.summary).entries()) {
    const here = { ...place, summary_index }
    yield { type: "response.reasoning_summary_part.added", ...here, part: { ...part, text: "" } }
    yield { type: "response.reasoning_summary_text.delta", ...here, delta: part.text }
    yield { type: "response.reasoning_summary_text.done", ...here, text: part.text }
    yield { type: "response.reasoning_summary_part.done", ...here, part }
  }
  for (const [content_index, { text }] of partsOf(item.content).entries()) {
    yield { type: "response.reasoning_text.delta", ...place, content_index, delta: text }
    yield { type: "response.reasoning_text.done", ...place, content_index, text }
  }
}

/** The events from a number on, as text. */
export async function* replayResponse(response: JsonObject, from: number): AsyncGenerator<string> {
  for (const event of eventsOfResponse(response)) {
    if ((event.sequence_number as number) >= from) yield eventText(event)
  }
}

/** An answer of server-sent events. */
export function eventStream(texts: AsyncGenerator<string>): Response {
  const encoder = new TextEncoder()
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const text of texts) yield encoder.encode(text)
  }
  return new Response(bytes(), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  })
}
