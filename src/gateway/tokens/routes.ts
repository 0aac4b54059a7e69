/** HTTP for counting tokens: free, but a request of its key like any other. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { Caller } from "../../auth/keys.ts"
import type { JsonObject } from "../protocol/json.ts"
import { readJsonRequest } from "../stored/json-request.ts"
import type { StoredNeeds } from "../stored/needs.ts"
import { countMessageTokens, countResponseTokens } from "./count.ts"

const json = { "application/json": { schema: { type: "object" as const } } }
const described = (description: string) => ({ description, content: json })

const documented = (tag: string, summary: string) => ({
  tags: [tag],
  summary,
  responses: {
    200: described("The number of input tokens: exact where the vocabulary is public, else erring high"),
    400: described("Malformed; `error.param` names the field"),
    401: described("Missing or invalid API key"),
    413: described("Body larger than 32 MiB"),
    429: described("Too many requests; see retry-after"),
  },
})

const AnyBody = t.Object({}, { additionalProperties: true })

interface Handed {
  caller: Caller
  body: JsonObject
}

export const tokenRoutes = (needs: StoredNeeds) => {
  const limited = async <T>({ caller, body }: Handed, count: (asked: Handed) => Promise<T>): Promise<T> => {
    const leave = needs.key_limits.enter(caller.key_id)
    try {
      return await count({ caller, body })
    } finally {
      leave()
    }
  }
  const countResponse = (handed: Handed) => limited(handed, asked => countResponseTokens(needs, asked))
  const shared = { parse: readJsonRequest, body: AnyBody }
  return new Elysia({ prefix: "/v1" })
    .use(bearer(needs))
    .post("/responses/input_tokens", countResponse, {
      ...shared,
      detail: documented("openai-compatible", "Count the input tokens of a Responses request"),
    })
    .post("/responses/count_tokens", countResponse, {
      ...shared,
      detail: documented("openai-compatible", "Count the input tokens of a Responses request"),
    })
    .post("/messages/count_tokens", handed => limited(handed, countMessageTokens), {
      ...shared,
      detail: documented(
        "anthropic-compatible",
        "Count the input tokens of a Messages request, for every model",
      ),
    })
}
