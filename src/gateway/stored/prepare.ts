/** What is ours to do for a request before it goes on: look up, keep, run in the background; it calls no model itself. */
import { AppError } from "../../platform/errors.ts"
import { describeError } from "../../platform/log.ts"
import type { Recorder } from "../exchange.ts"
import { isJsonObject, type JsonObject, present } from "../protocol/json.ts"
import { startBackground } from "./background.ts"
import { chatObject } from "./chats.ts"
import { answerTrigger } from "./compaction.ts"
import { type Asked, expandInput, readPreviousId } from "./expand.ts"
import { namedItems } from "./items.ts"
import { readMetadata } from "./metadata.ts"
import type { Prepared, StoredNeeds } from "./needs.ts"
import { type NewObject, putObject } from "./objects.ts"
import { responseObject } from "./responses.ts"

/**
 * A request to `POST /v1/responses` with everything it refers to put in. Throws `invalid` naming the field.
 * For the door alone: `callModel` takes what is prepared already.
 */
export async function prepareResponses(needs: StoredNeeds, asked: Asked): Promise<Prepared> {
  const wishes = readWishes(asked.body)
  const expanded = await expandInput(needs, asked)
  const { input, body } = expanded
  const { customer_id } = asked.caller
  const { previous_id } = wishes
  const recorder = wishes.is_stored
    ? recorderOf(needs, answer =>
        responseObject({
          customer_id,
          response: { ...answer, store: true, background: false, previous_response_id: previous_id ?? null },
          input: namedItems(input, needs.newId),
          previous_id,
          is_background: false,
        }),
      )
    : undefined
  if (expanded.has_trigger) {
    if (wishes.is_background) throw notInBackground()
    return { body, answer: call => answerTrigger(needs, { ...call, body }, recorder) }
  }
  if (wishes.is_background) {
    return { body, answer: call => startBackground(needs, { ...call, body }, { input, previous_id }) }
  }
  // A request that goes on as it came says all this itself.
  const echo =
    body === asked.body ? undefined : { store: wishes.is_stored, previous_response_id: previous_id ?? null }
  return present({ body, recorder, echo })
}

/** The same for `POST /v1/chat/completions`: only its answer may have to be kept. */
export async function prepareChat(needs: StoredNeeds, { caller, body }: Asked): Promise<Prepared> {
  if (readFlag(body, "store") !== true) return { body }
  const metadata = readMetadata(body.metadata)
  const messages = Array.isArray(body.messages) ? body.messages.filter(isJsonObject) : []
  const { customer_id } = caller
  const recorder = recorderOf(needs, completion =>
    chatObject({ customer_id, completion, messages, metadata }),
  )
  return { body, recorder }
}

/** What a Responses request asks of us, not of the model. */
interface Wishes {
  is_stored: boolean
  is_background: boolean
  previous_id: string | undefined
}

function readWishes(body: JsonObject): Wishes {
  const is_background = readFlag(body, "background") ?? false
  const is_stored = readFlag(body, "store") ?? true
  const previous_id = readPreviousId(body)
  if (is_background && !is_stored) {
    throw new AppError(
      "invalid",
      "background requires store: leave store out, or set it to true. The response is kept so that it can be polled.",
      { field: "background", code: "background_requires_store" },
    )
  }
  return { is_stored, is_background, previous_id }
}

/** A boolean that may be absent; null is absent. */
function readFlag(body: JsonObject, field: string): boolean | undefined {
  const value = body[field] ?? undefined
  if (value === undefined || typeof value === "boolean") return value
  throw new AppError("invalid", `${field} must be true or false.`, { field, code: "invalid_type" })
}

const notInBackground = () =>
  new AppError("invalid", "A compaction cannot run in the background: leave background out.", {
    field: "background",
    code: "invalid_combination",
  })

/** An id by which an object can be asked for; upstreams that pass may give any, or none. */
const USABLE_ID = /^[\w.:-]{1,128}$/

/** Keeps what `objectOf` makes of the answer. */
function recorderOf(needs: StoredNeeds, objectOf: (answer: JsonObject) => NewObject): Recorder {
  return {
    async record(answer) {
      if (typeof answer.id !== "string" || !USABLE_ID.test(answer.id)) {
        needs.log.warn("an answer without a usable id is not stored", { model: answer.model })
        return
      }
      try {
        const object = objectOf(answer)
        if ((await putObject(needs, object)) === "too-large") {
          needs.log.info("an answer is too large to be stored", {
            customer_id: object.customer_id,
            id: object.id,
          })
        }
      } catch (error) {
        // The answer is paid for and complete: a cache that does not take it must not spoil it.
        needs.log.error("an answer could not be stored", describeError(error))
      }
    },
  }
}
