/** Stored objects for the stub server: what a vendor that keeps responses and chat completions answers. */
import {
  type Change,
  refusal,
  type StubAnswer,
  type StubAsk,
  type StubServer,
  startStub,
} from "./stub-server.ts"

type Json = Record<string, unknown>

interface Kept {
  json: Json
  events: Json[] | undefined
  input: Json[]
}

const ok = (json: Json): StubAnswer => ({ status: 200, headers: {}, json })
const RESPONSES = "/v1/responses"
const CHAT = "/v1/chat/completions"

/** Starts a stub that keeps what it is asked to keep and says it is ours; `change` breaks what it answers. */
export function startKeepingStub(change: Change): StubServer {
  const responses = new Map<string, Kept>()
  const chats = new Map<string, Kept>()
  return startStub(
    (answer, ask) => {
      const kept = answer.status === 200 ? keep(answer, ask) : undefined
      const changed = change(kept ?? answer, ask)
      return changed ?? kept
    },
    ask => {
      if (ask.path === "/api/v1/wallet/status") return ok({ balanceUsd: "1", heldUsd: "0" })
      continueChain(ask)
      return answerResponses(ask) ?? answerChats(ask)
    },
  )

  function keep(answer: StubAnswer, { path, method, body }: StubAsk): StubAnswer | undefined {
    if (method !== "POST" || (path !== RESPONSES && path !== CHAT) || !body) return undefined
    const json = answer.json ?? (answer.events?.at(-1)?.response as Json | undefined)
    if (!json) return undefined
    if (typeof body.chained === "string") json.previous_response_id = body.chained
    if (path === CHAT && body.metadata) json.metadata = body.metadata
    const input = path === CHAT ? (body.messages as Json[]) : itemsOf(body.input)
    const kept = { json, events: answer.events, input }
    if (body.store === true) (path === CHAT ? chats : responses).set(String(json.id), kept)
    // A stream says itself, event by event, what becomes of it.
    if (body.stream === true) return undefined
    return body.background === true ? ok({ ...json, status: "queued", output: [], usage: null }) : undefined
  }

  /** The whole history in place of the name of the last response. */
  function continueChain({ path, body }: StubAsk): void {
    const before = path === RESPONSES ? responses.get(String(body?.previous_response_id)) : undefined
    if (!before || !body) return
    body.chained = body.previous_response_id
    delete body.previous_response_id
    body.input = [...before.input, ...itemsOf(body.input)]
  }

  function answerResponses({ method, path, query, body }: StubAsk): StubAnswer | undefined {
    if (!path.startsWith(RESPONSES)) return undefined
    const input_tokens = JSON.stringify(body?.input ?? "").length
    if (/\/(?:input_tokens|count_tokens)$/.test(path))
      return ok({ object: "response.input_tokens", input_tokens })
    const item = { type: "compaction", id: "cmp_1", encrypted_content: "sealed" }
    const compacted = ok({ id: "cmp", object: "response.compaction", created_at: 1, output: [item] })
    if (path === `${RESPONSES}/compact`) return compacted
    if (JSON.stringify(body?.input ?? "").includes("compaction_trigger")) return compactionStream(item)
    const [id = "", rest] = path.slice(RESPONSES.length + 1).split("/")
    const kept = responses.get(id)
    if (!kept) return undefined
    if (rest === "compact") return compacted
    if (rest === "cancel") return ok(kept.json)
    if (rest === "input_items")
      return pageOf(
        kept.input.map((one, index) => ({ id: `item_${index}`, ...one })),
        query,
      )
    if (method === "DELETE") return responses.delete(id) ? ok({ id, deleted: true }) : undefined
    if (query.get("stream") !== "true" || !kept.events) return ok(kept.json)
    const from = Number(query.get("starting_after") ?? -1) + 1
    return { status: 200, headers: {}, events: kept.events.slice(from), is_named: true }
  }

  function answerChats({ method, path, query, body }: StubAsk): StubAnswer | undefined {
    if (!path.startsWith(CHAT) || (path === CHAT && method === "POST")) return undefined
    if (path === CHAT) return pageOf([...chats.values()].map(one => one.json).filter(isAsked(query)), query)
    const [id = "", rest] = path.slice(CHAT.length + 1).split("/")
    const kept = chats.get(id)
    if (!kept) return refusal(path, 404, null)
    if (rest === "messages")
      return pageOf(
        kept.input.map((one, index) => ({ id: `${id}-${index}`, ...one })),
        query,
      )
    if (method === "DELETE") {
      chats.delete(id)
      return ok({ id, object: "chat.completion.deleted", deleted: true })
    }
    if (body) kept.json.metadata = body.metadata
    return ok(kept.json)
  }
}

const itemsOf = (input: unknown): Json[] =>
  Array.isArray(input) ? input : [{ role: "user", content: [{ type: "input_text", text: input }] }]

const isAsked =
  (query: URLSearchParams) =>
  ({ metadata }: Json): boolean =>
    (metadata as Json | undefined)?.run === query.get("metadata[run]")

/** Oldest first, whatever the order asked for. */
function pageOf(all: Json[], query: URLSearchParams): StubAnswer {
  const from = all.findIndex(one => one.id === query.get("after")) + 1
  const limit = Number(query.get("limit") ?? 20)
  const data = all.slice(from, from + limit)
  const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
  return ok({ object: "list", data, ...ends, has_more: from + limit < all.length })
}

function compactionStream(item: Json): StubAnswer {
  const usage = {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2,
  }
  const running = { id: "resp_c", object: "response", status: "in_progress", output: [] }
  const events: Json[] = [
    { type: "response.created", response: running },
    { type: "response.in_progress", response: running },
    { type: "response.output_item.added", output_index: 0, item },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { ...running, status: "completed", output: [item], usage } },
  ]
  const numbered = events.map((event, sequence_number) => ({ ...event, sequence_number }))
  return { status: 200, headers: {}, events: numbered, is_named: true }
}
