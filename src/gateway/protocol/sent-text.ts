/** Remembers what was sent of a text without keeping it: memory must not grow with the length of a stream. */

/** A text by its length and a digest of its characters. */
export interface SentText {
  readonly length: number
  readonly digest: number
}

/** Where FNV-1a begins: any other text of the same length has the same digest once in four billion cases. */
export const NOTHING_SENT: SentText = { length: 0, digest: 0x811c9dc5 }

const FNV_PRIME = 0x01000193

/** What was sent, with another piece. */
export function addSent({ length, digest }: SentText, piece: string): SentText {
  return { length: length + piece.length, digest: digestOf(piece, piece.length, digest) }
}

/** What of `full` was not sent yet; "" when it contradicts what was sent, as in `restOf`. */
export function restOfSent(sent: SentText, full: string | undefined): string {
  if (full === undefined || full.length <= sent.length) return ""
  const has_begun_so = digestOf(full, sent.length, NOTHING_SENT.digest) === sent.digest
  return has_begun_so ? full.slice(sent.length) : ""
}

/** The digest of the first `length` characters, continuing `before`. */
function digestOf(text: string, length: number, before: number): number {
  let digest = before
  for (let at = 0; at < length; at++) digest = Math.imul(digest ^ text.charCodeAt(at), FNV_PRIME)
  return digest
}
