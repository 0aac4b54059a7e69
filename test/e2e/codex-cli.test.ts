/** The real Codex CLI through the executable: what it gets, what the upstream gets, what is paid. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { nanosOf, priceOf } from "../support/price.ts"
import type { Exchange } from "../support/relay.ts"
import { reasoningItem, textTurn, toolTurn } from "../support/responses-turns.ts"
import type { UpstreamRequest } from "../support/scripted-upstream.ts"
import { openStage, type Stage } from "../support/stage.ts"

setDefaultTimeout(60_000)

const usage = { input: 14_000, cached: 12_000, output: 300, reasoning: 100 }
const price = priceOf(usage)

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}

function inputItems(request: UpstreamRequest | undefined): Record<string, unknown>[] {
  return Array.isArray(request?.body?.input) ? request.body.input : []
}

/** Nothing may differ between what the CLI sent or got and what the upstream got or sent. */
function expectIdentical(stage: Stage, answers: string[][]): void {
  expect(stage.relay.exchanges.map(exchange => textOf(exchange.requestBytes))).toEqual(
    stage.upstream.requests.map(request => textOf(request.bytes)),
  )
  expect(stage.relay.exchanges.map(exchange => textOf(exchange.responseBytes))).toEqual(
    answers.map(frames => frames.join("")),
  )
}

async function expectPaid(stage: Stage, requestCount: number): Promise<void> {
  const receipts = await stage.settled()
  expect(receipts.map(receipt => [receipt.state, receipt.usageSource, nanosOf(receipt.chargedUsd)])).toEqual(
    Array.from({ length: requestCount }, () => ["settled", "reported", price]),
  )
  expect(receipts[0]).toMatchObject({
    modelAsked: "gpt-5.5",
    endReason: "completed",
    inputTokens: usage.input - usage.cached,
    cacheReadTokens: usage.cached,
    outputTokens: usage.output,
  })
}

describe.concurrent("the Codex CLI through the gateway", () => {
  test("a text turn arrives, unchanged in both directions, and is paid exactly", async () => {
    const frames = textTurn("Grüße from the model 🙂", usage)
    await using stage = await openStage({ script: [{ sse: frames, gapMs: 2 }] })
    const run = await stage.cli.exec("say hello")
    expect(run).toMatchObject({
      exitCode: 0,
      stdout: "Grüße from the model 🙂\n",
      errors: [],
      reconnectCount: 0,
    })
    expectIdentical(stage, [frames])
    await expectPaid(stage, 1)
  })

  test("the upstream sees its own key and nothing private of the customer", async () => {
    await using stage = await openStage({ script: [{ sse: textTurn("ok", usage) }] })
    await stage.cli.exec("say hello")
    const { headers } = stage.upstream.requests[0] as UpstreamRequest
    expect(headers.get("authorization")).toBe("Bearer sk-upstream-test")
    const all = JSON.stringify(Object.fromEntries(headers))
    expect(all).not.toContain(stage.customer.key)
    expect(all).not.toContain("installation_id")
    expect(stage.relay.exchanges[0]?.responseHeaders.get("openai-model")).toBeNull()
    await expectPaid(stage, 1)
  })

  test("a shell command and a patch over several steps really happen, each step paid", async () => {
    const command = { cmd: "printf 'from the shell' > shell.txt && cat shell.txt" }
    const patch = "*** Begin Patch\n*** Add File: patched.txt\n+from the patch\n*** End Patch\n"
    const answers = [
      toolTurn(
        [{ type: "function_call", callId: "call_shell", name: "exec_command", arguments: command }],
        usage,
      ),
      toolTurn(
        [{ type: "custom_tool_call", callId: "call_patch", name: "apply_patch", input: patch }],
        usage,
      ),
      textTurn("Both files are there.", usage),
    ]
    await using stage = await openStage({ script: answers.map(sse => ({ sse })) })
    const run = await stage.cli.exec("make two files", { json: true })
    expect(run).toMatchObject({ exitCode: 0, errors: [] })
    expect(await Bun.file(join(stage.cli.workspace, "shell.txt")).text()).toBe("from the shell")
    expect(await Bun.file(join(stage.cli.workspace, "patched.txt")).text()).toBe("from the patch\n")
    const outputs = inputItems(stage.upstream.requests[2]).filter(item =>
      String(item.type).endsWith("_output"),
    )
    expect(outputs).toMatchObject([
      { call_id: "call_shell", output: expect.stringContaining("from the shell") },
      { call_id: "call_patch", output: expect.stringContaining("A patched.txt") },
    ])
    expectIdentical(stage, answers)
    await expectPaid(stage, 3)
  })

  test("sealed reasoning reaches the upstream again verbatim, within a turn and after resume", async () => {
    const sealed = `gAAAAAB${"aZ09+/-_=".repeat(300)}`
    const command = { cmd: "true" }
    const answers = [
      toolTurn(
        [
          reasoningItem(sealed, "Thinking about it"),
          { type: "function_call", callId: "call_1", name: "exec_command", arguments: command },
        ],
        usage,
      ),
      textTurn("Blue.", usage),
      textTurn("You asked for a colour.", usage),
    ]
    await using stage = await openStage({ script: answers.map(sse => ({ sse })) })
    await stage.cli.exec("name a colour")
    const resumed = await stage.cli.resume("what did I ask?")
    expect(resumed).toMatchObject({ exitCode: 0, stdout: "You asked for a colour.\n" })
    const reasoning = {
      type: "reasoning",
      summary: [{ type: "summary_text", text: "Thinking about it" }],
      content: null,
      encrypted_content: sealed,
    }
    expect(inputItems(stage.upstream.requests[1])).toContainEqual(reasoning)
    expect(inputItems(stage.upstream.requests[2])).toContainEqual(reasoning)
    expectIdentical(stage, answers)
    await expectPaid(stage, 3)
  })

  test("routed to another name of the model, the name is the only byte that changes", async () => {
    const frames = textTurn("routed", usage, { model: "vendor/gpt-5.5-2026" })
    await using stage = await openStage({ script: [{ sse: frames }] })
    await routeElsewhere(stage, "vendor/gpt-5.5-2026")
    const run = await stage.cli.exec("say hello")
    expect(run).toMatchObject({ exitCode: 0, stdout: "routed\n" })
    const sent = textOf((stage.relay.exchanges[0] as Exchange).requestBytes)
    expect(sent.split('"model":"gpt-5.5"').length).toBe(2)
    expect(textOf(stage.upstream.requests[0]?.bytes)).toBe(
      sent.replace('"model":"gpt-5.5"', '"model":"vendor/gpt-5.5-2026"'),
    )
    await expectPaid(stage, 1)
  })
})

/** By the admin commands, while the server runs: the only route to gpt-5.5 has another name there. */
async function routeElsewhere({ server }: Stage, upstreamModel: string): Promise<void> {
  const routes = (await server.admin("route", "list")) as unknown as { id: string; model: string }[]
  const target = ["--model", "gpt-5.5", "--upstream", "openai", "--upstream-model", upstreamModel]
  await server.admin("route", "add", ...target)
  for (const { id } of routes.filter(route => route.model === "gpt-5.5")) {
    await server.admin("route", "disable", "--id", id)
  }
}
