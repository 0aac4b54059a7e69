/** Holds the state of a protocol's pure folds, so that the pipeline reads, writes and checks without seeing it. */
import type { AnswerReader, StreamValidator } from "./codec.ts"
import type { ModelEvent } from "./model-event.ts"

/** A reader from `state` on; it ends once, whatever comes after that. */
export function readerOf<State>(
  state: State,
  read: (state: State, wire: unknown) => [State, readonly ModelEvent[]],
  end: (state: State) => readonly ModelEvent[],
): AnswerReader {
  let current = state
  let has_ended = false
  return {
    read(wire) {
      if (has_ended) return NOTHING
      const [next, events] = read(current, wire)
      current = next
      return events
    },
    end() {
      if (has_ended) return NOTHING
      has_ended = true
      return end(current)
    },
  }
}

const NOTHING: readonly ModelEvent[] = []

/** A validator from `state` on. */
export function validatorOf<State>(
  state: State,
  note: (state: State, name: string | undefined, data: unknown) => State,
  end: (state: State) => readonly string[],
): StreamValidator {
  let current = state
  return {
    note(name, data) {
      current = note(current, name, data)
    },
    end: () => end(current),
  }
}

/** What one step wrote, as text: nearly always one event. */
export function textOf<Event>(written: readonly Event[], eventText: (event: Event) => string): string {
  return written.length === 1 ? eventText(written[0]!) : written.map(eventText).join("")
}
