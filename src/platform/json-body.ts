/** Reads the JSON body of a request to our own API, never more than the limit; the gateway reads its bodies itself. */
import { readBounded } from "./bounded-body.ts"
import { AppError } from "./errors.ts"

/** No request of our own API comes near it. */
export const LARGEST_JSON_BYTES = 64 * 1024

/**
 * An Elysia parser, for `parse`. Throws `too_large` (what is beyond the limit is never held in memory, whether its
 * length was announced or not), `unsupported_media` for anything but JSON, `unprocessable` for JSON that is no object
 * (validation would take `[]` for an empty one), and a SyntaxError for broken JSON. No body at all is an empty object.
 */
export async function readJsonBody({ request }: { request: Request }): Promise<unknown> {
  if (hasNoBody(request)) return {}
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw new AppError("unsupported_media", "Send the body as JSON, with `content-type: application/json`.", {
      code: "json_required",
      field: "content-type",
    })
  }
  if (Number(request.headers.get("content-length") ?? 0) > LARGEST_JSON_BYTES) throw tooLarge()
  const text = await readBounded(request, LARGEST_JSON_BYTES)
  if (text === undefined) throw tooLarge()
  const body: unknown = JSON.parse(text)
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body
  throw new AppError("unprocessable", "The body must be a JSON object, `{…}`.", {
    code: "invalid_field",
    field: "body",
  })
}

const hasNoBody = ({ headers }: Request): boolean =>
  !headers.has("content-type") && !headers.has("transfer-encoding") && !Number(headers.get("content-length"))

const tooLarge = () =>
  new AppError("too_large", `The request body is larger than ${LARGEST_JSON_BYTES / 1024} KiB: send less.`, {
    code: "request_too_large",
  })
