/** After how long an upstream says that a repeat may succeed, in any of the ways they say it. */

/**
 * Milliseconds from `now`, at most a day; undefined when the headers say nothing, nonsense, or a time that is past.
 * `retry-after-ms` is the exact one, `retry-after` (RFC 9110 10.2.3: seconds or a date) the usual one; without both,
 * the limits themselves say when they are reset.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const exact = readNumber(headers.get("retry-after-ms"))
  return (
    usable(exact) ??
    usable(readRetryAfter(headers.get("retry-after"), now)) ??
    usable(readReset(headers, now))
  )
}

const LONGEST_MS = 86_400_000

const usable = (wait_ms: number | undefined): number | undefined =>
  wait_ms !== undefined && wait_ms > 0 ? Math.min(Math.ceil(wait_ms), LONGEST_MS) : undefined

/** Digits only: `Number` alone reads "", "0x10" and "1e9" as well. */
function readNumber(text: string | null): number | undefined {
  return text !== null && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined
}

function readRetryAfter(text: string | null, now: number): number | undefined {
  const seconds = readNumber(text)
  if (seconds !== undefined) return seconds * 1000
  if (text === null || !/^\s*[A-Za-z]{3}/.test(text)) return undefined
  // The asctime form of RFC 9110 5.6.7 names no zone; all its dates are GMT.
  const zoned = /GMT|UTC|[+-]\d{4}/i.test(text) ? text : `${text} GMT`
  const at = Date.parse(zoned)
  return Number.isNaN(at) ? undefined : at - now
}

/** OpenAI's (and Groq's, vLLM's proxies') names, OpenRouter's, and Anthropic's. */
const RESET_NAME = /^(?:x-ratelimit-reset(?:-(.+))?|anthropic-ratelimit-(?:(.+)-)?reset)$/

/**
 * The limit that is used up says when: the last of those, if there are several. When none says that it is used up
 * (this request alone was too large for what is left), the one that is reset first is the earliest that could help.
 */
function readReset(headers: Headers, now: number): number | undefined {
  const exhausted: number[] = []
  const others: number[] = []
  headers.forEach((value, name) => {
    const match = RESET_NAME.exec(name)
    const wait_ms = match ? usable(readMoment(value, now)) : undefined
    if (wait_ms === undefined) return
    const left = readNumber(headers.get(remainingName(name)))
    if (left === 0) exhausted.push(wait_ms)
    else others.push(wait_ms)
  })
  if (exhausted.length > 0) return Math.max(...exhausted)
  return others.length > 0 ? Math.min(...others) : undefined
}

/** `x-ratelimit-reset-tokens` → `x-ratelimit-remaining-tokens`. */
const remainingName = (name: string): string => name.replace(/\breset\b/, "remaining")

/** Numbers above this are no wait in seconds but a time since 1970 in seconds, above the second in milliseconds. */
const EPOCH_SECONDS = 1e9
const EPOCH_MS = 1e12

/** A wait as "1s", "6m0s", "2m59.56s", "120ms" or plain seconds; a time as RFC 3339 or since 1970. */
function readMoment(text: string, now: number): number | undefined {
  const number = readNumber(text)
  if (number !== undefined) {
    if (number < EPOCH_SECONDS) return number * 1000
    return (number < EPOCH_MS ? number * 1000 : number) - now
  }
  if (/^\d{4}-\d\d-\d\dT/.test(text)) {
    const at = Date.parse(text)
    return Number.isNaN(at) ? undefined : at - now
  }
  return readDuration(text)
}

const UNIT_MS: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** Go's way of writing a duration. */
function readDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[dhms]))+$/.test(text)) return undefined
  let sum = 0
  for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    sum += Number(amount) * (UNIT_MS[unit] ?? 0)
  }
  return sum
}
