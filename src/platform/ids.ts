/** Prefixed ids that sort by time (ULID) and random tokens; randomness is the second seam. */
import type { Clock } from "./clock.ts"

/** Fills and returns `size` random bytes. */
export type Random = (size: number) => Uint8Array

/** Makes an id such as `req_01k…`: 48 bits of time, 80 random bits, 26 characters after the prefix. */
export type NewId = (prefix: string) => string

/** Crockford's base 32 in lower case: no i, l, o, u. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

export const systemRandom: Random = size => crypto.getRandomValues(new Uint8Array(size))

export function createNewId(needs: { clock: Clock; random: Random }): NewId {
  return prefix => `${prefix}_${encodeTime(needs.clock.now())}${base32(needs.random(10))}`
}

/** Encodes bytes in base 32, most significant bits first; 5 bytes give 8 characters. */
export function base32(bytes: Uint8Array): string {
  let text = ""
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(buffer >>> bits) & 31]
    }
    buffer &= (1 << bits) - 1
  }
  return bits > 0 ? text + ALPHABET[(buffer << (5 - bits)) & 31] : text
}

function encodeTime(ms: number): string {
  let text = ""
  for (let rest = ms, i = 0; i < 10; i++) {
    text = ALPHABET[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}
