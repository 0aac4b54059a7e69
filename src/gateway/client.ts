/** Which client asks, as far as answers differ by it. */

/** `codex`: the stock Codex CLI and its app-server; `other`: SDKs and everything else. */
export type ClientKind = "codex" | "other"

/** By the headers that codex-cli-wire 3.1 shows: `originator: codex_exec | codex-tui | …`. */
export function identifyClient(headers: Headers): ClientKind {
  const name = headers.get("originator") ?? headers.get("user-agent") ?? ""
  return /^codex[_-]/i.test(name) ? "codex" : "other"
}
