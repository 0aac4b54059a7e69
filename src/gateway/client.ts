/** Which client asks, as far as answers differ by it. */
import type { Door } from "./door.ts"

/**
 * Whether it is the stock Codex CLI or its app-server, by the headers that codex-cli-wire 3.1 shows: `originator:
 * codex_exec | codex-tui | …`. At other doors than its own nothing is different for it.
 */
export function isCodex(door: Door, headers: Headers): boolean {
  if (door.protocol !== "openai-responses") return false
  return /^codex[_-]/i.test(headers.get("originator") ?? headers.get("user-agent") ?? "")
}
