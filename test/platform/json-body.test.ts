/** Bodies of our own API: JSON only, and never more than the limit in memory. */
import { describe, expect, test } from "bun:test"
import { LARGEST_JSON_BYTES, readJsonBody } from "../../src/platform/json-body.ts"

const read = (body: RequestInit["body"], headers: Record<string, string> = {}) =>
  readJsonBody({
    request: new Request("http://localhost/", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      ...(body !== undefined && { body }),
    }),
  })

const padded = (bytes: number): string => JSON.stringify({ x: "x".repeat(bytes - 8) })

test("a body at the limit is read", async () => {
  expect(await read(padded(LARGEST_JSON_BYTES))).toEqual({ x: "x".repeat(LARGEST_JSON_BYTES - 8) })
})

test.each(["[]", "5", '"x"', "null", "true"])("%s is no object", async body => {
  const refusal = { reason: "unprocessable", detail: { code: "invalid_field", field: "body" } }
  await expect(read(body)).rejects.toMatchObject(refusal)
})

test("no body at all is an empty object; a body without a type is refused", async () => {
  expect(await readJsonBody({ request: new Request("http://localhost/", { method: "POST" }) })).toEqual({})
  const headers = { "content-length": "2" }
  const untyped = new Request("http://localhost/", { method: "POST", headers, body: Buffer.from("{}") })
  await expect(readJsonBody({ request: untyped })).rejects.toMatchObject({ reason: "unsupported_media" })
})

test("a character may lie across two chunks", async () => {
  const bytes = new TextEncoder().encode('{"x":"é"}')
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 7))
      controller.enqueue(bytes.slice(7))
      controller.close()
    },
  })
  expect(await read(body)).toEqual({ x: "é" })
})

describe("too large is", () => {
  const too_large = { reason: "too_large", detail: { code: "request_too_large" } }

  test("one byte more", async () => {
    await expect(read(padded(LARGEST_JSON_BYTES + 1))).rejects.toMatchObject(too_large)
  })

  test("what says so, before a byte is read", async () => {
    const length = { "content-length": String(LARGEST_JSON_BYTES + 1) }
    await expect(read("{}", length)).rejects.toMatchObject(too_large)
  })

  test("an endless body, of which no more is taken", async () => {
    let taken_bytes = 0
    const endless = new ReadableStream({
      pull(controller) {
        taken_bytes += 4096
        controller.enqueue(new Uint8Array(4096))
      },
    })
    await expect(read(endless)).rejects.toMatchObject(too_large)
    expect(taken_bytes).toBeLessThan(2 * LARGEST_JSON_BYTES)
  })
})

test.each([
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/plain",
  "application/jsonp",
])("%s is refused", async type => {
  await expect(read("{}", { "content-type": type })).rejects.toMatchObject({ reason: "unsupported_media" })
})

test.each(["application/json; charset=utf-8", "Application/JSON"])("%s is JSON", async type => {
  expect(await read("{}", { "content-type": type })).toEqual({})
})

test("no body is no JSON", async () => {
  await expect(read(undefined)).rejects.toBeInstanceOf(SyntaxError)
})
