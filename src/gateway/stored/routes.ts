/** HTTP for stored responses, their compaction, and stored chat completions. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { Caller } from "../../auth/keys.ts"
import { DOORS } from "../door.ts"
import type { JsonObject } from "../protocol/json.ts"
import { deleteChat, getChat, listChats, listMessages, updateChat } from "./chats.ts"
import { compactConversation } from "./compaction.ts"
import { readJsonRequest } from "./json-request.ts"
import type { StoredNeeds } from "./needs.ts"
import { cancelResponse, deleteResponse, listInputItems, pollResponse, replayEvents } from "./polling.ts"
import { eventStream } from "./replay.ts"
import type { ResponseKey } from "./responses.ts"

const json = { "application/json": { schema: { type: "object" as const } } }
const described = (description: string) => ({ description, content: json })

const CASES = {
  400: described("Malformed; `error.param` names the field"),
  401: described("Missing or invalid API key"),
  402: described("Not enough credit"),
  404: described("Unknown, deleted, expired, or another customer's"),
  413: described("Body larger than 32 MiB"),
  429: described("Too many requests; see retry-after"),
}

/** What is read or changed counts as a request of its key, and takes one of its places until it is answered. */
const inPlace =
  ({ key_limits }: StoredNeeds) =>
  async <T>({ key_id }: Caller, answer: () => T | Promise<T>): Promise<T> => {
    const leave = key_limits.enter(key_id)
    try {
      return await answer()
    } finally {
      leave()
    }
  }

/** The documentation of one endpoint, with the refusals it can give. */
const documented = (summary: string, answer: string, ...statuses: (keyof typeof CASES)[]) => ({
  tags: ["openai-compatible"],
  summary,
  responses: {
    200: described(answer),
    ...Object.fromEntries(statuses.map(status => [status, CASES[status]])),
  },
})

const ResponseId = t.Object({ response_id: t.String() })
const CompletionId = t.Object({ completion_id: t.String() })
/** Read by hand, because refusals name the parameter as OpenAI's do, and `metadata[k]` is no plain name. */
const AnyQuery = t.Object({}, { additionalProperties: true })

/** A body of any shape; what is read of it is checked where it is read. */
const AnyBody = t.Object({}, { additionalProperties: true })

const queryOf = (request: Request): URLSearchParams => new URL(request.url).searchParams
const responseOf = (caller: Caller, { response_id }: { response_id: string }) => ({
  customer_id: caller.customer_id,
  id: response_id,
})
const chatOf = (caller: Caller, { completion_id }: { completion_id: string }) => ({
  customer_id: caller.customer_id,
  id: completion_id,
})

export const storedRoutes = (needs: StoredNeeds) =>
  new Elysia({ prefix: "/v1" })
    .use(storedResponseRoutes(needs))
    .use(compactionRoutes(needs))
    .use(storedChatRoutes(needs))

const storedResponseRoutes = (needs: StoredNeeds) => {
  const placed = inPlace(needs)
  return new Elysia({ prefix: "/responses/:response_id" })
    .use(bearer(needs))
    .get(
      "",
      async ({ caller, params, request, server }) => {
        const query = queryOf(request)
        const key = responseOf(caller, params)
        if (query.get("stream") !== "true") return placed(caller, () => pollResponse(needs, key))
        // What runs may be silent for minutes; the stream itself keeps the connection awake.
        server?.timeout(request, 0)
        return replay(needs, { key, query, key_id: caller.key_id, client_left: request.signal })
      },
      {
        params: ResponseId,
        query: AnyQuery,
        detail: documented(
          "Retrieve a stored response; with `stream=true` its events after `starting_after`",
          "The response, or its events",
          400,
          401,
          404,
        ),
      },
    )
    .delete(
      "",
      ({ caller, params }) => placed(caller, () => deleteResponse(needs, responseOf(caller, params))),
      {
        params: ResponseId,
        detail: documented("Delete a stored response", "Its id, and `deleted: true`", 401, 404),
      },
    )
    .get(
      "/input_items",
      ({ caller, params, request }) =>
        placed(caller, () => listInputItems(needs, responseOf(caller, params), queryOf(request))),
      {
        params: ResponseId,
        query: AnyQuery,
        detail: documented("List the input items of a stored response", "A page of items", 400, 401, 404),
      },
    )
    .post(
      "/cancel",
      ({ caller, params }) => placed(caller, () => cancelResponse(needs, responseOf(caller, params))),
      {
        params: ResponseId,
        parse: readJsonRequest,
        detail: documented(
          "Cancel a background response: its upstream is aborted and what was used is charged",
          "The response as it is then",
          400,
          401,
          404,
        ),
      },
    )
}

/** The events of a response; a stream that is followed has its place until it ends or its reader leaves. */
async function replay(
  needs: StoredNeeds,
  asked: { key: ResponseKey; query: URLSearchParams; key_id: string; client_left: AbortSignal },
): Promise<Response> {
  const leave = needs.key_limits.enter(asked.key_id)
  asked.client_left.addEventListener("abort", leave, { once: true })
  try {
    return eventStream(leaving(await replayEvents(needs, asked.key, asked.query), leave))
  } catch (error) {
    leave()
    throw error
  }
}

async function* leaving(events: AsyncGenerator<string>, leave: () => void): AsyncGenerator<string> {
  try {
    yield* events
  } finally {
    leave()
  }
}

const compactionRoutes = (needs: StoredNeeds) =>
  new Elysia({ prefix: "/responses" })
    .use(bearer(needs))
    .post("/compact", asked => compact(needs, asked), {
      parse: readJsonRequest,
      body: AnyBody,
      detail: documented(
        "Compact a conversation: a sealed summary and the user's recent words, for the next request's input",
        "The compacted conversation; charged like any model call",
        400,
        401,
        402,
        413,
        429,
      ),
    })
    .post("/:response_id/compact", asked => compact(needs, asked, asked.params.response_id), {
      params: ResponseId,
      parse: readJsonRequest,
      body: AnyBody,
      detail: documented(
        "Compact the conversation that ends with a stored response",
        "The compacted conversation; charged like any model call",
        400,
        401,
        402,
        404,
        413,
        429,
      ),
    })

/** A request as Elysia hands it to a handler behind the guard. */
interface Handed {
  request: Request
  caller: Caller
  body: JsonObject
  set: { headers: { [name: string]: string | number | undefined } }
  server: { timeout(request: Request, seconds: number): void } | null
}

const COMPACT = { ...DOORS.responses, endpoint: "/v1/responses/compact" }

async function compact(needs: StoredNeeds, handed: Handed, response_id?: string): Promise<Response> {
  const { request, caller, body, set, server } = handed
  const leave = needs.key_limits.enter(caller.key_id)
  try {
    server?.timeout(request, 0)
    return await compactConversation(needs, {
      request_id: String(set.headers["x-request-id"]),
      caller,
      door: COMPACT,
      headers: request.headers,
      client_left: request.signal,
      leave,
      body,
      ...(response_id !== undefined && { response_id }),
    })
  } finally {
    leave()
  }
}

const storedChatRoutes = (needs: StoredNeeds) => {
  const placed = inPlace(needs)
  return new Elysia({ prefix: "/chat/completions" })
    .use(bearer(needs))
    .get(
      "",
      ({ caller, request }) =>
        placed(caller, () => listChats(needs, { customer_id: caller.customer_id, query: queryOf(request) })),
      {
        query: AnyQuery,
        detail: documented(
          "List stored chat completions: `after`, `limit`, `order`, `model`, `metadata[key]`",
          "A page of completions",
          400,
          401,
        ),
      },
    )
    .get(
      "/:completion_id",
      ({ caller, params }) => placed(caller, () => getChat(needs, chatOf(caller, params))),
      {
        params: CompletionId,
        detail: documented("Retrieve a stored chat completion", "The completion", 401, 404),
      },
    )
    .get(
      "/:completion_id/messages",
      ({ caller, params, request }) =>
        placed(caller, () => listMessages(needs, chatOf(caller, params), queryOf(request))),
      {
        params: CompletionId,
        query: AnyQuery,
        detail: documented(
          "List the messages of a stored chat completion",
          "A page of messages",
          400,
          401,
          404,
        ),
      },
    )
    .post(
      "/:completion_id",
      ({ caller, params, body }) => placed(caller, () => updateChat(needs, chatOf(caller, params), body)),
      {
        ...labelling,
        detail: documented(
          "Replace the metadata of a stored chat completion",
          "The completion",
          400,
          401,
          404,
        ),
      },
    )
    .patch(
      "/:completion_id",
      ({ caller, params, body }) => placed(caller, () => updateChat(needs, chatOf(caller, params), body)),
      {
        ...labelling,
        detail: documented(
          "Replace the metadata of a stored chat completion",
          "The completion",
          400,
          401,
          404,
        ),
      },
    )
    .delete(
      "/:completion_id",
      ({ caller, params }) => placed(caller, () => deleteChat(needs, chatOf(caller, params))),
      {
        params: CompletionId,
        detail: documented("Delete a stored chat completion", "Its id, and `deleted: true`", 401, 404),
      },
    )
}

/** The official SDK updates by POST, the API's reference names PATCH too: both do the same (sdk-wire 1). */
const labelling = { params: CompletionId, parse: readJsonRequest, body: AnyBody }
