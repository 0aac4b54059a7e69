/** Reads the body of a request whose length nobody vouches for. */

/** The body as text; `undefined` when it has more bytes, of which no more than that are ever held in memory. */
export async function readBounded(request: Request, most_bytes: number): Promise<string | undefined> {
  if (!request.body) return ""
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += chunk.byteLength
    if (size > most_bytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}
