/** HTTP for the gateway: reads no bodies itself; `answer.ts` is the pipeline. */
import { Elysia, t } from "elysia"
import { bearer } from "../auth/bearer.ts"
import { clientAddress } from "../auth/guard.ts"
import { AppError } from "../platform/errors.ts"
import { type AnswerNeeds, answerResponses } from "./answer.ts"
import { getModel, listModels } from "./models.ts"

const tags = ["openai-compatible"]
const json = { "application/json": { schema: { type: "object" as const } } }
const described = (description: string) => ({ description, content: json })

export const gatewayRoutes = (needs: AnswerNeeds) =>
  new Elysia({ prefix: "/v1" }).use(responsesRoutes(needs)).use(modelRoutes(needs))

const responsesRoutes = (needs: AnswerNeeds) =>
  new Elysia()
    .post(
      "/responses",
      async ({ request, server, set }) => {
        const answer = await answerResponses(needs, {
          request,
          request_id: String(set.headers["x-request-id"]),
          address: clientAddress(request, server?.requestIP(request)?.address),
        })
        // The request was uploaded in time; its answer may be silent for minutes, which `forward.ts` limits itself.
        if (answer.ok) server?.timeout(request, 0)
        return answer
      },
      {
        parse: "none",
        detail: {
          tags,
          summary: "Create a model response (OpenAI Responses API), streamed or whole",
          description: "The body is OpenAI's; bodies may be compressed with gzip, deflate, br or zstd.",
          requestBody: { required: true, content: json },
          responses: {
            200: described("A response object, or server-sent events when `stream` is true"),
            400: described("Malformed request; `error.param` names the field"),
            401: described("Missing or invalid API key"),
            402: described("Not enough credit: available, required and affordable output tokens"),
            404: described("Unknown model"),
            413: described("Body larger than 32 MiB"),
            429: described("Too many requests; see retry-after"),
            502: described("No upstream answered"),
          },
        },
      },
    )
    .get(
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

const modelRoutes = (needs: AnswerNeeds) =>
  new Elysia()
    .use(bearer(needs))
    .get("/models", ({ query, caller }) => listModels(needs.catalog, { ...query, caller }), {
      query: t.Object({ client_version: t.Optional(t.String({ description: "Sent by the Codex CLI" })) }),
      detail: {
        tags,
        summary: "List models for OpenAI, Anthropic and Codex clients",
        responses: { 200: described("The list"), 401: described("Missing or invalid API key") },
      },
    })
    .get("/models/:model_id", ({ request }) => getModel(needs.catalog, request.url), {
      detail: {
        tags,
        summary: "Retrieve one model descriptor",
        responses: {
          200: described("The model"),
          401: described("Missing or invalid API key"),
          404: described("Unknown model"),
        },
      },
    })
    // Names with a slash; OpenAPI has no word for them.
    .get("/models/*", ({ request }) => getModel(needs.catalog, request.url), { detail: { hide: true } })
