/** The form of our tokens: readable prefix, 160 random bits, checksum; nothing is looked up here. */
import { base32, type Random } from "../platform/ids.ts"

/** `cxs_` System Token (API username), `cxk_` User API Key, `cxa_` admin key. */
export type TokenKind = "system" | "user" | "admin"

const PREFIX: Record<TokenKind, string> = { system: "cxs_", user: "cxk_", admin: "cxa_" }
const SECRET_LENGTH = 32
const CHECKSUM_LENGTH = 7
const SHAPE = /^cx[ska]_[0-9a-hjkmnp-tv-z]{39}$/

/** Makes a token of 43 characters. */
export function createToken(kind: TokenKind, random: Random): string {
  const body = PREFIX[kind] + base32(random(20))
  return body + checksum(body)
}

/** Whether a string can be one of our tokens: a cheap reject before anything is looked up. */
export function isWellFormedToken(token: string): boolean {
  if (!SHAPE.test(token)) return false
  const end = PREFIX.user.length + SECRET_LENGTH
  return checksum(token.slice(0, end)) === token.slice(end)
}

/** Of anything shorter, eight characters would be too much to show. */
const SHORTEST_HINTED = 20

/** What may be shown of a token: `cxk_…a1b2`. Also of strings that only were sent as one. */
export const hintOf = (token: string): string =>
  token.length < SHORTEST_HINTED ? "…" : `${token.slice(0, 4)}…${token.slice(-4)}`

function checksum(body: string): string {
  const crc = new Uint8Array(4)
  new DataView(crc.buffer).setUint32(0, Bun.hash.crc32(body))
  return base32(crc).slice(0, CHECKSUM_LENGTH)
}
