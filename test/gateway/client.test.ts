/** Which client asks. */
import { expect, test } from "bun:test"
import { isCodex } from "../../src/gateway/client.ts"
import { DOORS } from "../../src/gateway/door.ts"

test.each([
  [{ originator: "codex_exec" }, true],
  [{ originator: "codex-tui" }, true],
  [{ originator: "codex_cli_rs", "user-agent": "anything" }, true],
  [{ "user-agent": "codex_exec/0.142.2 (Debian)" }, true],
  [{ "user-agent": "CODEX-TUI/1" }, true],
  [{ "user-agent": "OpenAI/JS 6.49.0" }, false],
  [{ originator: "my-app", "user-agent": "codex_exec/1" }, false],
  [{ "user-agent": "my-codex_exec" }, false],
  [{ "user-agent": "codexapi" }, false],
  [{}, false],
] as const)("%j is the Codex CLI: %p", (headers, is_codex) => {
  expect(isCodex(DOORS.responses, new Headers(headers))).toBe(is_codex)
})

test("at other doors nothing is different for it", () => {
  for (const door of [DOORS.chat, DOORS.completions, DOORS.messages])
    expect(isCodex(door, new Headers({ originator: "codex_exec" }))).toBe(false)
})
