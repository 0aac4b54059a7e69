/** Tests of the runner of the real Codex CLI, straight against the scripted upstream, no gateway between. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { type CodexCli, type CodexSettings, openCodexCli } from "../support/codex-cli.ts"
import { failedTurn, reasoningItem, textTurn, toolTurn } from "../support/responses-turns.ts"
import { type Script, type ScriptedUpstream, startScriptedUpstream } from "../support/scripted-upstream.ts"
import { until } from "../support/until.ts"

setDefaultTimeout(60_000)

const usage = { input: 1000, cached: 200, output: 50 }
const opened: { cli: CodexCli; upstream: ScriptedUpstream }[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ cli, upstream }) => Promise.all([cli.remove(), upstream.stop()])))
})

async function open(script: Script, settings: Partial<CodexSettings> = {}) {
  const upstream = startScriptedUpstream(script)
  const cli = await openCodexCli({ baseUrl: upstream.baseUrl, token: "cxk_test", ...settings })
  opened.push({ cli, upstream })
  return { cli, upstream }
}

function itemsOf(upstream: ScriptedUpstream, request: number): Record<string, unknown>[] {
  const input = upstream.requests[request]?.body?.input
  return Array.isArray(input) ? input : []
}

test("a text turn is one request and its text is printed", async () => {
  const { cli, upstream } = await open([{ sse: textTurn("Hello from the script", usage) }])
  const run = await cli.exec("say hello")
  expect(run).toMatchObject({ exitCode: 0, stdout: "Hello from the script\n", errors: [], reconnectCount: 0 })
  expect(upstream.requests.map(request => `${request.method} ${request.path}`)).toEqual([
    "POST /v1/responses",
  ])
  expect(upstream.requests[0]?.headers.get("authorization")).toBe("Bearer cxk_test")
})

test("a command and a patch over steps really happen, and sealed reasoning comes back verbatim", async () => {
  const sealed = `gAAAA${"x+/=".repeat(200)}`
  const command = { cmd: "printf 'from the shell' > shell.txt && cat shell.txt" }
  const patch = "*** Begin Patch\n*** Add File: patched.txt\n+from the patch\n*** End Patch\n"
  const { cli, upstream } = await open([
    {
      sse: toolTurn(
        [
          reasoningItem(sealed, "First a command"),
          { type: "message", text: "I will run a command.", phase: "commentary" },
          { type: "function_call", callId: "call_shell", name: "exec_command", arguments: command },
        ],
        usage,
      ),
    },
    {
      sse: toolTurn(
        [{ type: "custom_tool_call", callId: "call_patch", name: "apply_patch", input: patch }],
        usage,
      ),
    },
    { sse: textTurn("Both are done.", usage) },
  ])
  const run = await cli.exec("make two files", { json: true })
  expect(run).toMatchObject({ exitCode: 0, errors: [] })
  expect(run.events.at(-1)).toMatchObject({ type: "turn.completed", usage: { input_tokens: 3000 } })
  expect(await Bun.file(join(cli.workspace, "shell.txt")).text()).toBe("from the shell")
  expect(await Bun.file(join(cli.workspace, "patched.txt")).text()).toBe("from the patch\n")

  expect(upstream.requests.length).toBe(3)
  expect(itemsOf(upstream, 1)).toContainEqual({
    type: "reasoning",
    summary: [{ type: "summary_text", text: "First a command" }],
    content: null,
    encrypted_content: sealed,
  })
  const shell = itemsOf(upstream, 1).find(item => item.type === "function_call_output")
  expect(shell).toMatchObject({ call_id: "call_shell", output: expect.stringContaining("from the shell") })
  const patched = itemsOf(upstream, 2).find(item => item.type === "custom_tool_call_output")
  expect(patched).toMatchObject({ call_id: "call_patch", output: expect.stringContaining("A patched.txt") })
})

test("resume sends the whole conversation again", async () => {
  const { cli, upstream } = await open([
    { sse: toolTurn([reasoningItem("SEALED"), { type: "message", text: "Blue." }], usage) },
    { sse: textTurn("You asked for a colour.", usage) },
  ])
  await cli.exec("name a colour")
  const run = await cli.resume("what did I ask?")
  expect(run.stdout).toBe("You asked for a colour.\n")
  expect(itemsOf(upstream, 1)).toContainEqual(expect.objectContaining({ encrypted_content: "SEALED" }))
  expect(JSON.stringify(itemsOf(upstream, 1))).toContain("Blue.")
  expect(upstream.requests[1]?.headers.get("thread-id")).toBe(
    upstream.requests[0]?.headers.get("thread-id") ?? "missing",
  )
})

test("a final error is one text, however it is printed; reconnects are counted apart", async () => {
  const failure = { sse: failedTurn("invalid_prompt", "Top up, please.") }
  const { cli, upstream } = await open([failure, failure])
  const plain = await cli.exec("hi")
  const json = await cli.exec("hi", { json: true })
  expect(plain).toMatchObject({ exitCode: 1, errors: ["Top up, please."], reconnectCount: 0 })
  expect(json).toMatchObject({ exitCode: 1, errors: ["Top up, please."], reconnectCount: 0 })
  expect(upstream.requests.length).toBe(2)

  const broken = await open(() => ({ sse: failedTurn("server_error", "broke") }), {
    provider: "stream_max_retries = 1",
  })
  const retried = await broken.cli.exec("hi")
  expect(retried).toMatchObject({
    errors: ["stream disconnected before completion: broke"],
    reconnectCount: 1,
  })
  expect(broken.upstream.requests.length).toBe(2)
})

test("an interrupt or a timeout ends the process and closes its connection", async () => {
  const hanging = { sse: textTurn("never finished", usage), silent: true as const, after: 5 }
  const { cli, upstream } = await open([hanging, hanging])
  const isAsked = until("the CLI asked", () => upstream.requests.length === 1, 15_000)
  const interrupted = await cli.exec("hi", { interrupt: isAsked, timeoutMs: 15_000 })
  expect(interrupted.hasTimedOut).toBe(false)
  expect(interrupted.exitCode).not.toBe(0)
  const killed = await cli.exec("hi", { timeoutMs: 4000 })
  expect(killed).toMatchObject({ hasTimedOut: true, exitCode: null })
  await until("both closes are seen", () => upstream.requests.every(request => request.wasAborted))
  expect(upstream.requests.length).toBe(2)
})
