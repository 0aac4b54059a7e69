/** Which client asks. */
import { expect, test } from "bun:test"
import { identifyClient } from "../../src/gateway/client.ts"

test.each([
  [{ originator: "codex_exec" }, "codex"],
  [{ originator: "codex-tui" }, "codex"],
  [{ originator: "codex_cli_rs", "user-agent": "anything" }, "codex"],
  [{ "user-agent": "codex_exec/0.142.2 (Debian)" }, "codex"],
  [{ "user-agent": "CODEX-TUI/1" }, "codex"],
  [{ "user-agent": "OpenAI/JS 6.49.0" }, "other"],
  [{ originator: "my-app", "user-agent": "codex_exec/1" }, "other"],
  [{ "user-agent": "my-codex_exec" }, "other"],
  [{ "user-agent": "codexapi" }, "other"],
  [{}, "other"],
] as const)("%j is %s", (headers, kind) => {
  expect(identifyClient(new Headers(headers))).toBe(kind)
})
