/** The ledger's unit, the nano-USD (1e-9 USD), and the only conversions to and from it; pure. */

/** An amount in nano-USD: a safe integer within ±9.0 million USD. */
export type Nanos = number & { readonly unit: "nano-USD" }

const NANOS_PER_USD = 1_000_000_000n
/** A cent is ten million nano-USD. */
export const NANOS_PER_CENT = 10_000_000
/** ±9.0 million USD, below 2^53 so that SQLite and JavaScript agree on every amount. */
const LIMIT = 9_000_000n * NANOS_PER_USD

export const ZERO = 0 as Nanos

/** Checks a whole number and brands it. Throws RangeError when it is not one or exceeds ±9.0 million USD. */
export function toNanos(amount: bigint | number): Nanos {
  if (typeof amount === "number" && !Number.isSafeInteger(amount)) {
    throw new RangeError(`not a whole number of nano-USD: ${amount}`)
  }
  const exact = BigInt(amount)
  if (exact > LIMIT || exact < -LIMIT)
    throw new RangeError(`beyond the ledger's ±9.0 million USD: ${exact} nano-USD`)
  return Number(exact) as Nanos
}

export const addNanos = (a: Nanos, b: Nanos): Nanos => toNanos(a + b)
export const subtractNanos = (a: Nanos, b: Nanos): Nanos => toNanos(a - b)
export const minNanos = (a: Nanos, b: Nanos): Nanos => (a < b ? a : b)

/** The larger amount. */
export const maxNanos = (a: Nanos, b: Nanos): Nanos => (a > b ? a : b)

/** Whole cents to nano-USD. */
export const centsToNanos = (cents: number): Nanos => toNanos(cents * NANOS_PER_CENT)

/**
 * Reads an exact decimal amount of USD such as `12`, `0.5` or `0.000000001`.
 * `undefined` when it is not one: signs, exponents, more than nine decimals, out of range.
 */
export function parseUsd(text: string): Nanos | undefined {
  const match = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(text)
  if (!match) return undefined
  const nanos = BigInt(match[1]!) * NANOS_PER_USD + BigInt((match[2] ?? "").padEnd(9, "0"))
  return nanos > LIMIT ? undefined : toNanos(nanos)
}

/** An exact decimal string of USD: at least two decimals, no trailing zeros beyond them. */
export function formatUsd(nanos: Nanos | bigint): string {
  const exact = BigInt(nanos)
  const size = exact < 0n ? -exact : exact
  const decimals = (size % NANOS_PER_USD)
    .toString()
    .padStart(9, "0")
    .replace(/0{1,7}$/, "")
  return `${exact < 0n ? "-" : ""}${size / NANOS_PER_USD}.${decimals}`
}
