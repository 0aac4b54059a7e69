/** Request bodies: every compression, cut off at the limit while it is decoded. */
import { describe, expect, test } from "bun:test"
import { brotliCompressSync, constants, deflateSync } from "node:zlib"
import { LARGEST_BODY_BYTES, readBody } from "../../src/gateway/read-body.ts"

const MIB = 1024 * 1024
const text = JSON.stringify({ model: "gpt-5.5", input: "ü🜚 ".repeat(1_000) })

const ENCODERS: Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array> = {
  identity: bytes => bytes,
  gzip: bytes => Bun.gzipSync(bytes),
  "x-gzip": bytes => Bun.gzipSync(bytes),
  deflate: bytes => deflateSync(bytes),
  zstd: bytes => Bun.zstdCompressSync(bytes),
  br: bytes => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } }),
}

/** Gives the bytes in pieces and tells how many were asked for. */
function pieces(bytes: Uint8Array, size: number) {
  let at = 0
  let is_cancelled = false
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close()
        controller.enqueue(bytes.slice(at, at + size))
        at += size
      },
      cancel: () => {
        is_cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, sent_bytes: () => Math.min(at, bytes.length), isCancelled: () => is_cancelled }
}

function read(body: Uint8Array | ReadableStream<Uint8Array> | null, headers: Record<string, string> = {}) {
  const init = { method: "POST", headers, body, duplex: "half" }
  return readBody(new Request("http://localhost/", init as RequestInit))
}

describe("a body is read", () => {
  test.each(Object.keys(ENCODERS))("encoded as %s", async encoding => {
    const encoded = ENCODERS[encoding]!(new TextEncoder().encode(text))
    const decoded = await read(encoded, { "content-encoding": encoding })
    expect(new TextDecoder().decode(decoded)).toBe(text)
  })

  test.each(Object.keys(ENCODERS))("encoded as %s and sent a few bytes at a time", async encoding => {
    const encoded = ENCODERS[encoding]!(new TextEncoder().encode(text))
    const decoded = await read(pieces(encoded, 7).stream, { "content-encoding": encoding })
    expect(new TextDecoder().decode(decoded)).toBe(text)
  })

  test("with the encoding in any spelling of case", async () => {
    const decoded = await read(Bun.gzipSync("{}"), { "content-encoding": " GZIP " })
    expect(new TextDecoder().decode(decoded)).toBe("{}")
  })

  test("with its length announced", async () => {
    const bytes = new TextEncoder().encode("{}")
    expect(await read(bytes, { "content-length": "2" })).toEqual(bytes)
  })

  test("when there is none", async () => {
    expect(await read(null)).toHaveLength(0)
  })

  test("up to the limit exactly", async () => {
    expect(await read(pieces(new Uint8Array(LARGEST_BODY_BYTES), MIB).stream)).toHaveLength(
      LARGEST_BODY_BYTES,
    )
  })
})

describe("a body is refused", () => {
  const tooLarge = { reason: "too_large", detail: { code: "request_too_large" } }

  test("beyond the limit, without reading on", async () => {
    const sent = pieces(new Uint8Array(LARGEST_BODY_BYTES + 9 * MIB), MIB)
    await expect(read(sent.stream)).rejects.toMatchObject(tooLarge)
    expect(sent.sent_bytes()).toBeLessThan(LARGEST_BODY_BYTES + 4 * MIB)
    expect(sent.isCancelled()).toBe(true)
  })

  test("when it is announced beyond the limit; what comes is read away", async () => {
    const sent = pieces(new Uint8Array(LARGEST_BODY_BYTES + MIB), MIB)
    const headers = { "content-length": String(LARGEST_BODY_BYTES + MIB) }
    await expect(read(sent.stream, headers)).rejects.toMatchObject(tooLarge)
    expect(sent.sent_bytes()).toBe(LARGEST_BODY_BYTES + MIB)
  })

  test.each(["gzip", "zstd", "br"])("that is a bomb of %s, long before it is expanded", async encoding => {
    const bomb = ENCODERS[encoding]!(new Uint8Array(256 * MIB))
    const sent = pieces(bomb, Math.ceil(bomb.length / 100))
    await expect(read(sent.stream, { "content-encoding": encoding })).rejects.toMatchObject(tooLarge)
    expect(sent.sent_bytes()).toBeLessThan(bomb.length)
  })

  test.each(["gzip", "deflate", "zstd", "br"])("that is no %s", async encoding => {
    await expect(
      read(new TextEncoder().encode(text), { "content-encoding": encoding }),
    ).rejects.toMatchObject({
      reason: "invalid",
      message: `The request body is not valid ${encoding}.`,
      detail: { code: "corrupt_body", field: "body" },
    })
  })

  test.each(["gzip", "deflate", "zstd", "br"])("that is %s cut off in the middle", async encoding => {
    const encoded = ENCODERS[encoding]!(new TextEncoder().encode(text))
    const cut = encoded.subarray(0, encoded.length - 9)
    await expect(read(cut, { "content-encoding": encoding })).rejects.toMatchObject({ reason: "invalid" })
  })

  test("in an encoding nobody knows, naming those that are known", async () => {
    await expect(read(new Uint8Array(2), { "content-encoding": "snappy" })).rejects.toMatchObject({
      reason: "unsupported_media",
      message: 'The content-encoding "snappy" is unknown: use gzip, deflate, br, zstd or none.',
      detail: { code: "unsupported_content_encoding", field: "content-encoding" },
    })
  })

  test("encoded twice", async () => {
    const twice = Bun.gzipSync(Bun.gzipSync("{}"))
    await expect(read(twice, { "content-encoding": "gzip, gzip" })).rejects.toMatchObject({
      reason: "unsupported_media",
    })
  })

  test("when the client stops in the middle", async () => {
    const broken = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(5))
        controller.error(new Error("connection reset"))
      },
    })
    await expect(read(broken)).rejects.toMatchObject({ reason: "invalid", detail: { code: "corrupt_body" } })
  })
})
