/** Where the members of a JSON object's top level stand in its text: to change one value and nothing else. */

/** A member of the top level: its key, the half-open range of its value in the text, and how deep that is nested. */
export interface Member {
  key: string
  start: number
  end: number
  /** 0 for a text or a number. */
  depth: number
}

const BACKSLASH = 92
/** No request has so many; scanning stops there. */
const MOST_MEMBERS = 256

/**
 * Scans the text of a JSON object that `JSON.parse` has accepted; strings are skipped natively.
 * Keys are decoded, so `"\u006dodel"` is `model`.
 */
export function scanTopLevel(text: string): Member[] {
  const members: Member[] = []
  let at = skipSpace(text, text.indexOf("{") + 1)
  while (text[at] === '"' && members.length <= MOST_MEMBERS) {
    const key_end = endOfString(text, at)
    const start = skipSpace(text, skipSpace(text, key_end) + 1)
    const { end, depth } = measureValue(text, start)
    members.push({ key: JSON.parse(text.slice(at, key_end)) as string, start, end, depth })
    at = skipSpace(text, skipSpace(text, end) + 1)
  }
  return members
}

/**
 * A key that could be read in two ways: it stands twice, or is one of `guarded` in other letters (some parsers do
 * not tell `Model` from `model`). Parsers disagree which one counts, so what is billed could differ from what runs.
 */
export function findAmbiguousKey(members: readonly Member[], guarded: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (const { key } of members) {
    const folded = key.toLowerCase()
    if (seen.has(folded) || (folded !== key && guarded.includes(folded))) return key
    seen.add(folded)
  }
  return members.length > MOST_MEMBERS ? members.at(-1)!.key : undefined
}

/** The text with one top-level value replaced; every other character stays. */
export function spliceValue(text: string, member: Member, value: unknown): string {
  return text.slice(0, member.start) + JSON.stringify(value) + text.slice(member.end)
}

/** The text with a top-level value set: replaced where the key stands, else added in front. */
export function setValue(
  text: string,
  members: readonly Member[],
  entry: { key: string; value: unknown },
): string {
  const member = members.find(one => one.key === entry.key)
  if (member) return spliceValue(text, member, entry.value)
  const at = text.indexOf("{") + 1
  const comma = members.length > 0 ? "," : ""
  return `${text.slice(0, at)}${JSON.stringify(entry.key)}:${JSON.stringify(entry.value)}${comma}${text.slice(at)}`
}

/** The text without the members that are not kept; every other character stays. */
export function keepMembers(text: string, keeps: (key: string) => boolean): string {
  const members = scanTopLevel(text)
  const open = text.indexOf("{") + 1
  // Each with what stands before it: spaces, and the comma after the one before.
  const said = members.map(({ end }, index) => text.slice(index === 0 ? open : members[index - 1]!.end, end))
  const kept = said.filter((_, index) => keeps(members[index]!.key)).join("")
  return text.slice(0, open) + kept.replace(/^\s*,/, "") + text.slice(members.at(-1)?.end ?? open)
}

/** The text with top-level values set, one after the other; everything else stays to the letter. */
export function setTopLevel(text: string, values: Record<string, unknown>): string {
  return Object.entries(values).reduce(
    (changed, [key, value]) => setValue(changed, scanTopLevel(changed), { key, value }),
    text,
  )
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) <= 32) at += 1
  return at
}

/** The index after the closing quote of the string that opens at `start`; the text's length when none closes it. */
export function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1)
  return quote === -1 ? text.length : quote + 1
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1
  return backslashes % 2 === 1
}

function measureValue(text: string, start: number): { end: number; depth: number } {
  const first = text[start]
  if (first === '"') return { end: endOfString(text, start), depth: 0 }
  if (first === "{" || first === "[") return measureNested(text, start)
  let at = start
  while (at < text.length && !",}]".includes(text[at]!) && text.charCodeAt(at) > 32) at += 1
  return { end: at, depth: 0 }
}

function measureNested(text: string, start: number): { end: number; depth: number } {
  let open_count = 0
  let depth = 0
  let at = start
  do {
    const char = text[at]
    if (char === '"') {
      at = endOfString(text, at)
      continue
    }
    if (char === "{" || char === "[") {
      open_count += 1
      if (open_count > depth) depth = open_count
    }
    if (char === "}" || char === "]") open_count -= 1
    at += 1
  } while (open_count > 0 && at < text.length)
  return { end: at, depth }
}
