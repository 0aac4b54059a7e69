/** Compaction: one ordinary model call sums a conversation up, and the summary is sealed into an item. */
import { AppError } from "../../platform/errors.ts"
import type { Recorder } from "../exchange.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { expandInput } from "./expand.ts"
import { type Item, namedItems, typeOf, userMessage } from "./items.ts"
import type { CallOf, PreparedCall, StoredNeeds } from "./needs.ts"
import { eventStream, replayResponse } from "./replay.ts"
import { getResponse, outputOf } from "./responses.ts"
import { sealSummary } from "./summaries.ts"

const PROMPT = `Write a handover of our conversation so far, for yourself: everything before this message will be \
taken out, and only your handover will remain. Be complete and exact; do not address anybody and do not go on with \
the work. Cover, under these headings and leaving out what does not apply:
- Goal: what the user wants in the end, with their constraints and preferences in their own words.
- State: what is done and verified, what is done and not verified, what failed and why.
- Decisions: what was decided, with the reasons, and what was ruled out.
- Files and facts: paths, names, commands, ids, numbers and short excerpts that the next steps need, verbatim.
- Open tasks: what remains, in order, and the very next step.`

/** Members of the request that shape the call; tools are left out, so that the model writes and does not act. */
const CARRIED = [
  "model",
  "instructions",
  "reasoning",
  "service_tier",
  "prompt_cache_key",
  "safety_identifier",
]

interface Summed {
  /** The answer of the model, whole. */
  answer: JsonObject
  item: Item
}

/** Asks the model for the summary. Throws what the pipeline refuses, and `upstream` when there is none. */
async function sumUp(needs: StoredNeeds, call: PreparedCall): Promise<Summed> {
  const { body } = call
  const carried = Object.fromEntries(CARRIED.filter(key => key in body).map(key => [key, body[key]]))
  const items = Array.isArray(body.input) ? (body.input as Item[]) : []
  const asked = { ...carried, input: [...items, userMessage(PROMPT)], stream: false, store: false }
  const answered = await needs.callModel({ ...call, body: asked })
  const answer = await readWhole(answered)
  const summary = textOf(answer)
  if (summary === "") throw withoutSummary(answer)
  const encrypted_content = sealSummary(needs.vault, call.caller.customer_id, summary)
  return { answer, item: { type: "compaction", id: needs.newId("cmp"), encrypted_content } }
}

/** Empty for a client that has left: nobody reads what becomes of it. */
const readWhole = async (answered: Response): Promise<JsonObject> =>
  answered.ok ? ((await answered.json()) as JsonObject) : {}

/** The text of the answer's messages. */
const textOf = (answer: JsonObject): string =>
  outputOf(answer)
    .filter(item => typeOf(item) === "message" && Array.isArray(item.content))
    .flatMap(item => (item.content as JsonObject[]).map(part => part?.text))
    .filter(text => typeof text === "string")
    .join("\n")
    .trim()

function withoutSummary({ error }: JsonObject): AppError {
  const why = isJsonObject(error) && typeof error.message === "string" ? ` It said: ${error.message}` : ""
  return new AppError("upstream", `The model wrote no summary of the conversation.${why} Please try again.`, {
    code: "compaction_failed",
  })
}

/**
 * Answers a request whose input ends with the trigger: a response, streamed or whole, whose only output is the
 * compaction item. Kept like any other when the client asked for that.
 */
export async function answerTrigger(
  needs: StoredNeeds,
  call: PreparedCall,
  recorder: Recorder | undefined,
): Promise<Response> {
  const summed = await sumUp(needs, call)
  const { answer, item } = summed
  const done = { status: "completed", incomplete_details: null, error: null, store: recorder !== undefined }
  const response = { ...answer, ...done, output: [item] }
  await recorder?.record(response)
  return call.body.stream === true ? eventStream(replayResponse(response, 0)) : Response.json(response)
}

/** A call to one of the two compaction endpoints; `response_id` when its address names a response. */
export interface CompactCall extends CallOf {
  body: JsonObject
  response_id?: string
}

/**
 * Compacts a conversation: what the next request needs, recent words of the user to the letter and everything else
 * as a sealed summary. Throws `not_found` for an unknown response in the address, `invalid` naming the field.
 */
export async function compactConversation(needs: StoredNeeds, call: CompactCall): Promise<Response> {
  const body = await readCompact(needs, call)
  const { caller } = call
  const expanded = await expandInput(needs, { caller, body })
  const items = Array.isArray(expanded.body.input) ? (expanded.body.input as Item[]) : expanded.input
  if (items.length === 0) {
    throw new AppError("invalid", "There is nothing to compact: send input, or previous_response_id.", {
      field: "input",
      code: "missing_required_parameter",
    })
  }
  const { response_id: _, ...model_call } = call
  const summed = await sumUp(needs, { ...model_call, body: { ...expanded.body, input: items } })
  return Response.json({
    id: needs.newId("resp"),
    object: "response.compaction",
    created_at: Math.floor(needs.clock.now() / 1000),
    output: [...namedItems(recentWords(items), needs.newId), summed.item],
    usage: summed.answer.usage ?? null,
  })
}

async function readCompact(
  needs: StoredNeeds,
  { body, caller, response_id }: CompactCall,
): Promise<JsonObject> {
  if (response_id === undefined) return assertModel(body)
  const { response } = await getResponse(needs, { customer_id: caller.customer_id, id: response_id })
  return assertModel({ ...body, model: body.model ?? response.model, previous_response_id: response_id })
}

function assertModel(body: JsonObject): JsonObject {
  if (typeof body.model === "string" && body.model !== "") return body
  throw new AppError("invalid", "model must be the name of a model.", {
    field: "model",
    code: "missing_required_parameter",
  })
}

/** About 20,000 tokens, as much as the Codex CLI keeps of the user's own words. */
const RECENT_CHARS = 80_000

/** The last messages of the user, in order, as far as they fit. */
function recentWords(items: readonly Item[]): Item[] {
  const words = items.filter(isJsonObject).filter(item => typeOf(item) === "message" && item.role === "user")
  let left = RECENT_CHARS
  const kept: Item[] = []
  for (const message of words.toReversed()) {
    left -= JSON.stringify(message).length
    if (left < 0) break
    kept.push(message)
  }
  return kept.reverse()
}
