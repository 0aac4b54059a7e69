/** The real Codex CLI over each of the three upstream protocols: every kind of tool it has, and what it remembers. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { join, resolve } from "node:path"
import { type CodexCli, type CodexSettings, openCodexCli } from "../support/codex-cli.ts"
import { nanosOf } from "../support/price.ts"
import { openProtocolStage, type ProtocolStage, type Scene } from "../support/protocol-stage.ts"
import type { UpstreamRequest } from "../support/scripted-upstream.ts"
import { calls, type Part, PROTOCOLS, type Protocol, says, type Turn } from "../support/upstreams/turn.ts"

setDefaultTimeout(120_000)

/** The CLI knows `gpt-5.5…`: tools are searched for. It knows nothing of `other…`: they come in namespaces. */
const families: [string, string] = ["gpt-5.5", "other"]
let stage: ProtocolStage

beforeAll(async () => {
  stage = await openProtocolStage({ families, quirks: { "openai-chat": "reasoning-content" } })
})

afterAll(() => stage.close())

interface Rig extends AsyncDisposable {
  scene: Scene
  cli: CodexCli
}

interface RigOptions {
  settings?: Partial<CodexSettings>
  family?: string
}

async function openRig(protocol: Protocol, turns: Turn[], options: RigOptions = {}): Promise<Rig> {
  const scene = await stage.open(protocol, turns, options.family)
  const { baseUrl, model, customer } = scene
  const cli = await openCodexCli({ baseUrl, model, token: customer.key, ...options.settings })
  return { scene, cli, [Symbol.asyncDispose]: () => cli.remove() }
}

const mcp = {
  config: `[mcp_servers.demo]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(resolve(import.meta.dir, "../support/mcp-server.ts"))}]
`,
}

/** A red square of 8 × 8 pixels. */
const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="

function textOf(request: UpstreamRequest | undefined): string {
  return new TextDecoder().decode(request?.bytes)
}

const search: Part = {
  kind: "web-search",
  query: "rust news",
  results: [{ title: "Rust 2.0", url: "https://blog.rust-lang.org/2" }],
}

/** Chat has no seals: there the text of the thought comes back (DeepSeek). */
const thinking = (seal: string): Part => ({ kind: "reasoning", text: `Thinking of ${seal}`, seal })

describe.concurrent.each([...PROTOCOLS])("the Codex CLI over %s", protocol => {
  test("shows a text", async () => {
    const turns = [says("Grüße from the model 🙂")]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("say hello"))
    expect(run).toMatchObject({
      exitCode: 0,
      stdout: "Grüße from the model 🙂\n",
      errors: [],
      reconnectCount: 0,
    })
    await rig.scene.paid(turns)
  })

  test("shows the same text however the upstream's bytes are cut", async () => {
    const text = "Grüße 🙂 from the model, in two lines\nand no more."
    const turns: Turn[] = [
      { ...says(text), form: { is_crlf: true, is_without_done: true, bytes_per_chunk: 3 } },
    ]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("say hello"))
    expect(run).toMatchObject({ exitCode: 0, stdout: `${text}\n`, errors: [], reconnectCount: 0 })
    await rig.scene.paid(turns)
  })

  test("runs a command and a patch, and the model gets their outputs and its own thoughts again", async () => {
    const patch = '*** Begin Patch\n*** Add File: patched.txt\n+from "the" patch\n*** End Patch\n'
    const seal = `seal-${crypto.randomUUID()}`
    const thought = thinking(seal)
    const command = { cmd: "printf 'from the shell' > shell.txt && cat shell.txt" }
    const turns: Turn[] = [
      calls("call_shell", "exec_command", command, thought, { kind: "text", text: "I will run it." }),
      { parts: [{ kind: "freeform", id: "call_patch", tool: "apply_patch", input: patch }] },
      says("Both files are there."),
    ]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("make two files"))
    expect(run).toMatchObject({ exitCode: 0, errors: [], stdout: "Both files are there.\n" })
    expect(await Bun.file(join(rig.cli.workspace, "shell.txt")).text()).toBe("from the shell")
    expect(await Bun.file(join(rig.cli.workspace, "patched.txt")).text()).toBe('from "the" patch\n')
    const last = textOf(rig.scene.play.requests[2])
    expect(last).toContain("A patched.txt")
    expect(last).toContain(seal)
    await rig.scene.paid(turns)
  })

  test("runs two calls of one turn and keeps them apart", async () => {
    const call = (id: string, cmd: string): Part => ({
      kind: "call",
      id,
      tool: "exec_command",
      arguments: { cmd },
    })
    const turns: Turn[] = [
      { parts: [call("call_a", "echo alpha-$((1+1))"), call("call_b", "echo beta-$((2+2))")] },
      says("Done."),
    ]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("two at once"))
    expect(run).toMatchObject({ exitCode: 0, errors: [] })
    expect(textOf(rig.scene.play.requests[1])).toMatch(/alpha-2[\s\S]*beta-4/)
    await rig.scene.paid(turns)
  })

  test("calls an MCP tool by its namespace", async () => {
    const call: Part = {
      kind: "call",
      id: "call_add",
      namespace: "mcp__demo",
      tool: "add_numbers",
      arguments: '{"a":1,"b":41}',
    }
    const turns: Turn[] = [{ parts: [call] }, says("42")]
    await using rig = await openRig(protocol, turns, { settings: mcp, family: "other" })
    const run = await rig.cli.exec(rig.scene.says("add them"))
    expect(run).toMatchObject({ exitCode: 0, errors: [], stdout: "42\n" })
    expect(textOf(rig.scene.play.requests[1])).toContain("the sum is 42")
    await rig.scene.paid(turns)
  })

  test("finds a tool by tool search and calls it", async () => {
    const call: Part = {
      kind: "call",
      id: "call_add",
      namespace: "mcp__demo",
      tool: "add_numbers",
      arguments: '{"a":2,"b":40}',
    }
    const turns: Turn[] = [
      { parts: [{ kind: "tool-search", id: "call_search", query: "add numbers" }] },
      { parts: [call] },
      says("42"),
    ]
    await using rig = await openRig(protocol, turns, { settings: mcp })
    const run = await rig.cli.exec(rig.scene.says("add them"))
    expect(run).toMatchObject({ exitCode: 0, errors: [], stdout: "42\n" })
    expect(textOf(rig.scene.play.requests[2])).toContain("the sum is 42")
    await rig.scene.paid(turns)
  })

  test("keeps a plan", async () => {
    const plan = [{ step: "Look around", status: "in_progress" }]
    const turns = [calls("call_plan", "update_plan", { plan }), says("Planned.")]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("make a plan"), { json: true })
    expect(run).toMatchObject({ exitCode: 0, errors: [] })
    const items = run.events.map(event => event.item)
    expect(items).toContainEqual(expect.objectContaining({ type: "todo_list" }))
    expect(textOf(rig.scene.play.requests[1])).toContain("Plan updated")
    await rig.scene.paid(turns)
  })

  test("shows the model a picture", async () => {
    const turns = [calls("call_view", "view_image", { path: "picture.png" }), says("It is red.")]
    await using rig = await openRig(protocol, turns)
    await Bun.write(join(rig.cli.workspace, "picture.png"), Buffer.from(PICTURE, "base64"))
    const run = await rig.cli.exec(rig.scene.says("look"))
    expect(run).toMatchObject({ exitCode: 0, errors: [], stdout: "It is red.\n" })
    expect(textOf(rig.scene.play.requests[1])).toMatch(/"type":"(input_image|image_url|image)"/)
    await rig.scene.paid(turns)
  })

  test("compacts a long conversation in mid-turn and goes on", async () => {
    const small = { input: 5_000, output: 50 }
    const turns: Turn[] = [
      calls("call_1", "exec_command", { cmd: "echo one" }, { kind: "reasoning", text: "Long ago" }),
      says("Summary: one command was run.", small),
      says("Done after compaction.", small),
    ]
    const settings = { config: "model_auto_compact_token_limit = 10000" }
    await using rig = await openRig(protocol, turns, { settings })
    const run = await rig.cli.exec(rig.scene.says("work long"))
    expect(run).toMatchObject({ exitCode: 0, errors: [], stdout: "Done after compaction.\n" })
    const last = textOf(rig.scene.play.requests[2])
    expect(last).toContain("Summary: one command was run.")
    expect(last).not.toContain("call_1")
    await rig.scene.paid(turns)
  })

  test("resumes, with its reasoning for the same upstream", async () => {
    const seal = `seal-${crypto.randomUUID()}`
    const thought = thinking(seal)
    const turns: Turn[] = [
      { parts: [thought, { kind: "text", text: "Blue." }] },
      says("You asked for a colour."),
    ]
    await using rig = await openRig(protocol, turns)
    await rig.cli.exec(rig.scene.says("name a colour"))
    const run = await rig.cli.resume("what did I ask?")
    expect(run).toMatchObject({ exitCode: 0, stdout: "You asked for a colour.\n" })
    expect(textOf(rig.scene.play.requests[1])).toContain(seal)
    await rig.scene.paid(turns)
  })

  test("resumes on another upstream, which sees nothing sealed by the first", async () => {
    const elsewhere = PROTOCOLS[(PROTOCOLS.indexOf(protocol) + 1) % PROTOCOLS.length] as Protocol
    const seal = `seal-${crypto.randomUUID()}`
    const command = { cmd: "echo first" }
    const turns = [
      calls("call_1", "exec_command", command, { kind: "reasoning", text: "Secret", seal }),
      says("Blue."),
    ]
    await using rig = await openRig(protocol, turns)
    const other = stage.upstreams[elsewhere].play([says("Elsewhere.")], rig.scene.play.mark)
    await rig.cli.exec(rig.scene.says("name a colour"))
    const run = await rig.cli.resume("and now?", { args: ["-m", stage.modelOf(elsewhere)] })
    expect(other.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, stdout: "Elsewhere.\n" })
    expect(textOf(other.requests[0])).not.toContain(seal)
    expect((await rig.scene.settled()).length).toBe(3)
  })

  test("asks again when an answer breaks off, and pays for both", async () => {
    const text = "A text that is long enough to be cut in its middle."
    const turns: Turn[] = [{ ...says(text), break: { after: "some", how: "error" } }, says(text)]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("say it"))
    expect(run).toMatchObject({ exitCode: 0, stdout: `${text}\n`, errors: [], reconnectCount: 1 })
    const receipts = await rig.scene.settled()
    expect(receipts.map(({ state }) => state)).toEqual(["settled", "settled"])
    for (const { chargedUsd } of receipts) expect(nanosOf(chargedUsd)).toBeGreaterThan(0n)
  })

  test("says once, in its own words, that the context is full, whatever the upstream's words are", async () => {
    const turns: Turn[] = [{ parts: [], refusal: { kind: "context-overflow" } }]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("say it"))
    expect(run).toMatchObject({ exitCode: 1, reconnectCount: 0 })
    expect(run.errors).toEqual([expect.stringContaining("ran out of room in the model's context window")])
    await rig.scene.paid(turns)
  })

  test("takes an answer without room for its end as it is, and does not ask again", async () => {
    const turns: Turn[] = [{ ...says("Once upon a"), stop: "length" }]
    await using rig = await openRig(protocol, turns)
    const run = await rig.cli.exec(rig.scene.says("tell"))
    expect(run).toMatchObject({ exitCode: 0, stdout: "Once upon a\n", errors: [], reconnectCount: 0 })
    await rig.scene.paid(turns)
  })

  test("shows the model a picture given with the prompt", async () => {
    const turns = [says("It is red.")]
    await using rig = await openRig(protocol, turns)
    const file = join(rig.cli.workspace, "picture.png")
    await Bun.write(file, Buffer.from(PICTURE, "base64"))
    const run = await rig.cli.exec(rig.scene.says("look"), { args: [`--image=${file}`] })
    expect(run).toMatchObject({ exitCode: 0, errors: [], stdout: "It is red.\n" })
    expect(textOf(rig.scene.play.requests[0])).toMatch(/"type":"(input_image|image_url|image)"/)
    await rig.scene.paid(turns)
  })

  test("searches the web where the upstream can, and goes on where it cannot", async () => {
    const turns: Turn[] = [{ parts: [search, { kind: "text", text: "Rust 2.0 is out." }] }]
    await using rig = await openRig(protocol, turns, { settings: { config: 'web_search = "live"' } })
    const run = await rig.cli.exec(rig.scene.says("any news?"), { json: true })
    expect(run).toMatchObject({ exitCode: 0, errors: [] })
    const types = run.events.map(event => (event.item as { type?: string } | undefined)?.type)
    expect(types.includes("web_search")).toBe(protocol !== "openai-chat")
    expect(types).toContain("agent_message")
    await rig.scene.paid(turns)
  })
})
