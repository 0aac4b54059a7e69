/** HTTP for the gateway: reads no bodies itself; `answer.ts` is the way through a door. */
import { Elysia, t } from "elysia"
import { bearer } from "../auth/bearer.ts"
import { clientAddress } from "../auth/guard.ts"
import { AppError } from "../platform/errors.ts"
import { type AnswerNeeds, answerAt } from "./answer.ts"
import { DOORS, type Door } from "./door.ts"
import { getModel, listModels } from "./models.ts"

const openai = ["openai-compatible"]
const anthropic = ["anthropic-compatible"]
const json = { "application/json": { schema: { type: "object" as const } } }
const described = (description: string) => ({ description, content: json })

export const gatewayRoutes = (needs: AnswerNeeds) =>
  new Elysia({ prefix: "/v1" })
    .use(doorRoutes(needs))
    .use(upgradeRoutes())
    .use(otherMessageRoutes(needs))
    .use(modelRoutes(needs))

const doorRoutes = (needs: AnswerNeeds) =>
  new Elysia()
    .post(
      "/responses",
      opened(needs, DOORS.responses),
      documented(openai, "Create a model response (OpenAI Responses API), streamed or whole"),
    )
    .post(
      "/chat/completions",
      opened(needs, DOORS.chat),
      documented(openai, "Create a chat completion (OpenAI Chat Completions API), streamed or whole"),
    )
    .post(
      "/completions",
      opened(needs, DOORS.completions),
      documented(openai, "Create a text completion (OpenAI legacy Completions API), streamed or whole"),
    )
    .post(
      "/messages",
      opened(needs, DOORS.messages),
      documented(anthropic, "Create a message (Anthropic Messages API), streamed or whole"),
    )

type HttpContext = {
  request: Request
  server: {
    requestIP(request: Request): { address: string } | null
    timeout(request: Request, seconds: number): void
  } | null
  set: { headers: Record<string, string | number> }
}

/** The handler of a door. */
const opened =
  (needs: AnswerNeeds, door: Door) =>
  async ({ request, server, set }: HttpContext): Promise<Response> => {
    const answer = await answerAt(door, needs, {
      request,
      request_id: String(set.headers["x-request-id"]),
      address: clientAddress(request, server?.requestIP(request)?.address),
    })
    // The request was uploaded in time; its answer may be silent for minutes, which `forward.ts` limits itself.
    if (answer.ok) server?.timeout(request, 0)
    return answer
  }

const documented = (tags: string[], summary: string) => ({
  parse: "none" as const,
  detail: {
    tags,
    summary,
    description: "The body is the vendor's; bodies may be compressed with gzip, deflate, br or zstd.",
    requestBody: { required: true, content: json },
    responses: {
      200: described("The whole answer, or server-sent events when `stream` is true"),
      400: described("Malformed request; the error names the field"),
      401: described("Missing or invalid API key"),
      402: described("Not enough credit: available, required and affordable output tokens"),
      404: described("Unknown model"),
      413: described("Body larger than 32 MiB"),
      429: described("Too many requests; see retry-after"),
      502: described("No upstream answered"),
    },
  },
})

const upgradeRoutes = () =>
  new Elysia().get(
    "/responses",
    ({ request }) => {
      // Codex tries a WebSocket when told to; 426 makes it fall back at once (codex-cli-wire 1).
      if (request.headers.has("upgrade")) {
        throw new AppError("upgrade_required", "WebSockets are not offered here: use POST.", {
          code: "use_post",
        })
      }
      throw new AppError("not_found", "Use POST /v1/responses to create a response.", { code: "use_post" })
    },
    { detail: { hide: true } },
  )

/** What Anthropic's API has below /messages and this one has not: batches. `count_tokens` is in tokens/. */
const otherMessageRoutes = (needs: AnswerNeeds) =>
  new Elysia().use(bearer(needs)).post(
    "/messages/*",
    ({ params }) => {
      throw new AppError(
        "not_found",
        `There is no /v1/messages/${params["*"]} here: use POST /v1/messages or /v1/messages/count_tokens.`,
        { code: "no_such_endpoint" },
      )
    },
    {
      // Whatever the body is, the answer is the same.
      parse: () => "",
      detail: {
        tags: anthropic,
        summary: "Everything else below /v1/messages: a clear refusal",
        responses: { 401: described("Missing or invalid API key"), 404: described("No such endpoint") },
      },
    },
  )

const modelRoutes = (needs: AnswerNeeds) =>
  new Elysia()
    .use(bearer(needs))
    .get("/models", ({ query, caller }) => listModels(needs.catalog, { ...query, caller }), {
      query: t.Object({ client_version: t.Optional(t.String({ description: "Sent by the Codex CLI" })) }),
      detail: {
        tags: openai,
        summary: "List models for OpenAI, Anthropic and Codex clients",
        responses: { 200: described("The list"), 401: described("Missing or invalid API key") },
      },
    })
    .get(
      "/models/:model_id",
      ({ request, caller }) => getModel(needs.catalog, { url: request.url, caller }),
      {
        detail: {
          tags: openai,
          summary: "Retrieve one model descriptor",
          responses: {
            200: described("The model"),
            401: described("Missing or invalid API key"),
            404: described("Unknown model"),
          },
        },
      },
    )
    // Names with a slash; OpenAPI has no word for them.
    .get("/models/*", ({ request, caller }) => getModel(needs.catalog, { url: request.url, caller }), {
      detail: { hide: true },
    })
