/** Reading the values of options: addresses, choices, lists, prices; each says what would fit. */
import { UsageError, type Values } from "./command.ts"

/** An http or https address, without slashes at its end. Throws UsageError. */
export function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === "http:" || url?.protocol === "https:") return text.replace(/\/+$/, "")
  throw new UsageError(`--base-url must be an http or https address, not ${text}`)
}

/** One of the given words. Throws UsageError. */
export function readChoice<Choice extends string>(
  option: string,
  text: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find(choice => choice === text)
  if (!found) throw new UsageError(`--${option} must be one of ${choices.join(", ")}, not ${text}`)
  return found
}

/** Words between commas, without blanks and empty ones. */
export const readList = (text: string): string[] =>
  text
    .split(",")
    .map(one => one.trim())
    .filter(Boolean)

/** USD per 1M tokens to micro-USD per 1M tokens, exactly. Throws UsageError. */
export function readRate(values: Values, name: string, fallback?: number): number {
  const raw = values[name]
  if (raw === undefined && fallback !== undefined) return fallback
  const match = /^(\d{1,6})(?:\.(\d{1,6}))?$/.exec(raw ?? "")
  if (!match) throw new UsageError(`--${name} must be USD with at most six decimals, not ${raw}`)
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? "").padEnd(6, "0"))
}
