/** Money as a reader would work it out by hand: an oracle that shares no code with the money room. */

/** Nano-USD of an exact decimal string such as "4.9895"; throws on more than nine decimals. */
export function nanosOf(decimal: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(decimal)
  if (!match) throw new Error(`not an exact decimal: ${decimal}`)
  const nanos = BigInt(match[2] ?? "0") * 1_000_000_000n + BigInt((match[3] ?? "").padEnd(9, "0"))
  return match[1] ? -nanos : nanos
}

/** Price in nano-USD at gpt-5.5's seeded rates: 5 fresh, 0.5 cached, 30 output, in USD per 1M tokens. */
export function priceOf(usage: { input: number; cached?: number; output: number }): bigint {
  const cached = usage.cached ?? 0
  return BigInt(usage.input - cached) * 5_000n + BigInt(cached) * 500n + BigInt(usage.output) * 30_000n
}
