/** Names the upstream that sealed a reasoning blob, so that it goes back to that upstream and to no other. */

const MARK = "cx1."

/** A blob and the id of the upstream that made it. */
export interface Sealed {
  origin: string
  blob: string
}

/** The blob as a client of another protocol keeps it. `blob` may be empty: then only the origin is said. */
export function wrapSealed({ origin, blob }: Sealed): string {
  return `${MARK}${Buffer.from(origin).toString("base64url")}.${blob}`
}

/** What `wrapSealed` made; `undefined` for everything else, such as a blob straight from an upstream. */
export function unwrapSealed(text: string): Sealed | undefined {
  if (!text.startsWith(MARK)) return undefined
  const end = text.indexOf(".", MARK.length)
  if (end === -1) return undefined
  const origin = Buffer.from(text.slice(MARK.length, end), "base64url").toString("utf8")
  return { origin, blob: text.slice(end + 1) }
}
