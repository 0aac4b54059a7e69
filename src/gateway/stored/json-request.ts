/** The JSON object in the body of a request, which may be compressed and large; knows no protocol. */
import { AppError } from "../../platform/errors.ts"
import { assertShallow, decodeText, parseJson } from "../asked.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { scanTopLevel } from "../protocol/top-level.ts"
import { readBody } from "../read-body.ts"

/** An Elysia parser, for `parse`; an empty body is an empty object. Throws `invalid` for anything but an object. */
export async function readJsonRequest({ request }: { request: Request }): Promise<JsonObject> {
  const bytes = await readBody(request)
  if (bytes.byteLength === 0) return {}
  const text = decodeText(bytes)
  const body = parseJson(text)
  if (isJsonObject(body)) {
    assertShallow(scanTopLevel(text))
    return body
  }
  throw new AppError("invalid", "The body must be a JSON object.", { field: "body", code: "invalid_type" })
}
