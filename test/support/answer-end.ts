/** How events end an answer, as tests ask it. */
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"

/** Whether this event ends the answer. */
export const endsAnswer = ({ type }: Pick<ModelEvent, "type">): boolean =>
  type === "answer-end" || type === "answer-failed"
