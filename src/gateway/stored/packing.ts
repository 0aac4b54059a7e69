/** JSON as it lies in cache.db: compressed with zstd, in base64; not what it means. */

/** Compresses away from the event loop. */
export async function pack(value: unknown): Promise<{ packed: string; size_bytes: number }> {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  const packed = (await Bun.zstdCompress(bytes)).toString("base64")
  return { packed, size_bytes: bytes.byteLength }
}

/** What `pack` packed. Throws when the text is not of its making. */
export async function unpack(packed: string): Promise<unknown> {
  const bytes = await Bun.zstdDecompress(Buffer.from(packed, "base64"))
  return JSON.parse(bytes.toString("utf8"))
}
