/** Completes text that came in pieces from the whole that upstreams repeat at its end; parses nothing. */
import type { ToolKind } from "./model-request.ts"

/**
 * What of `full` was not sent yet. "" when `full` contradicts what was sent: sent text cannot be taken back,
 * and a second copy would be invented.
 */
export function restOf(sent: string, full: string | undefined): string {
  return full?.startsWith(sent) ? full.slice(sent.length) : ""
}

/**
 * What remains to be sent of a call's arguments. No arguments at all are `{}` where an object is due
 * (gateway.md).
 */
export function restOfArguments(tool: ToolKind, sent: string, full: string | undefined): string {
  const rest = restOf(sent, full)
  const is_empty = (sent + rest).trim() === ""
  return is_empty && tool !== "custom" ? `${rest}{}` : rest
}
