/** Tests of the runner of the real Claude Code, straight against a strict upstream, no gateway between. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { openClaudeCode } from "../support/claude-code.ts"
import { startStrictUpstream, type TurnScript } from "../support/upstreams/server.ts"
import { calls, says } from "../support/upstreams/turn.ts"

setDefaultTimeout(60_000)

const upstream = startStrictUpstream("anthropic-messages")
afterAll(() => upstream.stop())

async function open(script: TurnScript) {
  const play = upstream.play(script)
  const origin = upstream.baseUrl.replace(/\/v1$/, "")
  // The original wants its own header, so the key goes both ways.
  const env = { ANTHROPIC_API_KEY: upstream.key }
  const claude = await openClaudeCode({ origin, token: upstream.key, model: upstream.model, env })
  return { play, claude, [Symbol.asyncDispose]: () => claude.remove() }
}

test("a text turn is one request, and what is printed is read", async () => {
  await using rig = await open([says("Hello from the script")])
  const run = await rig.claude.print(`say hello ${rig.play.mark}`)
  expect(run).toMatchObject({
    exitCode: 0,
    result: "Hello from the script",
    isError: false,
    hasTimedOut: false,
  })
  expect(run.events.map(event => event.type)).toContain("assistant")
  expect([rig.play.refusals, rig.play.requests.length]).toEqual([[], 1])
})

test("a tool really runs in the working folder, and thinking comes back with its signature", async () => {
  const thought = { kind: "reasoning" as const, text: "Hm.", seal: "signed-by-the-script" }
  await using rig = await open((_, index) => turns[index] ?? says("too many"))
  const file = join(rig.claude.workspace, "made.txt")
  const turns = [calls("toolu_1", "Write", { file_path: file, content: "made" }, thought), says("Done.")]
  const run = await rig.claude.print(`make a file ${rig.play.mark}`)
  expect([rig.play.refusals, run.result]).toEqual([[], "Done."])
  expect(await Bun.file(file).text()).toBe("made")
  expect(new TextDecoder().decode(rig.play.requests[1]?.bytes)).toContain("signed-by-the-script")
})

test("a refusal is an error with its text, and one that never answers is killed in time", async () => {
  const invalid = { kind: "invalid" as const, message: "That is odd." }
  await using rig = await open([{ parts: [], refusal: invalid }])
  const run = await rig.claude.print(`say hello ${rig.play.mark}`)
  expect(run).toMatchObject({ exitCode: 1, isError: true, result: expect.stringContaining("That is odd.") })
  await using silent = await open([
    { ...says("never said to its end"), break: { after: "some", how: "silence" } },
  ])
  const killed = await silent.claude.print(`say hello ${silent.play.mark}`, { timeoutMs: 3_000 })
  expect(killed).toMatchObject({ exitCode: null, hasTimedOut: true, result: undefined })
})
