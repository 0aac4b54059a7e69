/** What a case finds: the error that ends it, and the expectations that throw it; no protocol. */

/** Ends a case: it failed, or it does not apply to this server. The message says what was expected and what came. */
export class Finding extends Error {
  override readonly name = "Finding"
  constructor(
    readonly result: "FAIL" | "n/a",
    message: string,
  ) {
    super(message)
  }
}

/** Ends the case as failed. */
export function fail(message: string): never {
  throw new Finding("FAIL", message)
}

/** Ends the case as not applicable: the server lacks something that it may lack. Never for what it should have. */
export function notApplicable(why: string): never {
  throw new Finding("n/a", why)
}

/** Fails unless `is_kept`, with what was expected and what came instead. */
export function expectThat(is_kept: boolean, expected: string, came: unknown): asserts is_kept {
  if (!is_kept) fail(`expected ${expected}; came ${shorten(came)}`)
}

/** Fails unless both are equal, member by member. */
export function expectEqual(what: string, came: unknown, expected: unknown): void {
  expectThat(Bun.deepEquals(came, expected), `${what} to be ${shorten(expected)}`, came)
}

const LONGEST = 300

/** A value as the table shows it. */
function shorten(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")
  const line = text.replace(/\s+/g, " ").trim()
  if (line === "") return "nothing"
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST)}…`
}
