/** Reads a request body that may be compressed, never more than the limit; knows no protocol. */

import { Readable } from "node:stream"
import { createBrotliDecompress } from "node:zlib"
import { AppError } from "../platform/errors.ts"

/** 32 MiB, after decompression. */
export const LARGEST_BODY_BYTES = 32 * 1024 * 1024

/**
 * The decoded bytes. Throws `too_large` beyond the limit (a bomb is cut off while decoding), `invalid` when the
 * compression is broken, `unsupported_media` for an unknown `content-encoding`.
 */
export async function readBody(request: Request): Promise<Uint8Array> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() || "identity"
  const announced = Number(request.headers.get("content-length") ?? 0)
  if (announced > LARGEST_BODY_BYTES) {
    await discard(request.body)
    throw tooLarge()
  }
  if (encoding === "identity" && announced > 0) return readAnnounced(request)
  if (!request.body) return new Uint8Array(0)
  const decoded = encoding === "identity" ? request.body : decode(request.body, encoding)
  return collect(decoded, encoding)
}

async function readAnnounced(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer())
  } catch {
    // The client went away in the middle of its own request.
    throw new AppError("invalid", "The request body ended early.", { code: "incomplete_body", field: "body" })
  }
}

const tooLarge = () =>
  new AppError("too_large", `The request body is larger than ${LARGEST_BODY_BYTES / 1024 / 1024} MiB.`, {
    code: "request_too_large",
  })

function decode(body: ReadableStream<Uint8Array>, encoding: string): ReadableStream<Uint8Array> {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return body.pipeThrough(new DecompressionStream("gzip"))
    case "deflate":
      return body.pipeThrough(new DecompressionStream("deflate"))
    case "zstd":
      return body.pipeThrough(new DecompressionStream("zstd"))
    case "br": {
      // DecompressionStream has no brotli.
      const brotli = createBrotliDecompress()
      const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
      source.on("error", error => brotli.destroy(error))
      return Readable.toWeb(source.pipe(brotli)) as unknown as ReadableStream<Uint8Array>
    }
    default:
      throw new AppError(
        "unsupported_media",
        `The content-encoding ${JSON.stringify(encoding)} is unknown: use gzip, deflate, br, zstd or none.`,
        { code: "unsupported_content_encoding", field: "content-encoding" },
      )
  }
}

async function collect(stream: ReadableStream<Uint8Array>, encoding: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = stream.getReader()
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      size += value.byteLength
      if (size > LARGEST_BODY_BYTES) throw tooLarge()
      chunks.push(value)
    }
  } catch (error) {
    // Stop decoding at once; the rest of a bomb is never expanded.
    reader.cancel().catch(() => {})
    if (error instanceof AppError) throw error
    throw new AppError("invalid", `The request body is not valid ${encoding}.`, {
      code: "corrupt_body",
      field: "body",
    })
  }
  return Buffer.concat(chunks)
}

/** How much of an oversized body is read away, so that the client reads our answer instead of a reset. */
const LARGEST_DISCARD_BYTES = 4 * LARGEST_BODY_BYTES

async function discard(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (!body) return
  let size = 0
  const reader = body.getReader()
  for (;;) {
    const { value, done } = await reader.read()
    size += value?.byteLength ?? 0
    if (done || size > LARGEST_DISCARD_BYTES) break
  }
  await reader.cancel()
}
