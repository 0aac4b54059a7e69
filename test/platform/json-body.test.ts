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

const padded = (bytes: number): string => JSON.stringify("x".repeat(bytes - 2))

test("a body at the limit is read", async () => {
  expect(await read(padded(LARGEST_JSON_BYTES))).toHaveLength(LARGEST_JSON_BYTES - 2)
})

test("a character may lie across two chunks", async () => {
  const bytes = new TextEncoder().encode('"é"')
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 2))
      controller.enqueue(bytes.slice(2))
      controller.close()
    },
  })
  expect(await read(body)).toBe("é")
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
