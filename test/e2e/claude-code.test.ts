/** The real Claude Code over each of the three upstream protocols. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { join, resolve } from "node:path"
import { type ClaudeCode, type ClaudeRun, openClaudeCode } from "../support/claude-code.ts"
import { nanosOf, priceOf } from "../support/price.ts"
import { openProtocolStage, type ProtocolStage, type Scene } from "../support/protocol-stage.ts"
import { type Relay, startRelay } from "../support/relay.ts"
import type { UpstreamRequest } from "../support/scripted-upstream.ts"
import { openTurnstile } from "../support/turnstile.ts"
import type { TurnScript } from "../support/upstreams/server.ts"
import {
  calls,
  DEFAULT_COUNTS,
  isRecord,
  type Json,
  type Part,
  PROTOCOLS,
  type Protocol,
  recordsOf,
  says,
  type Turn,
} from "../support/upstreams/turn.ts"

setDefaultTimeout(180_000)

/** Opus thinks as it likes (`adaptive`), Haiku 4.5 by a budget (`enabled`), with stricter rules for its history. */
const families: [string, string] = ["claude-opus-4-8", "claude-haiku-4-5"]
let stage: ProtocolStage
/** Each Claude Code takes a processor for some seconds. */
const pass = openTurnstile(3)

beforeAll(async () => {
  stage = await openProtocolStage({ families, quirks: { "openai-chat": "reasoning-content" } })
})

afterAll(() => stage.close())

interface Rig extends AsyncDisposable {
  scene: Scene
  claude: ClaudeCode
  relay: Relay | undefined
}

interface RigOptions {
  family?: string
  /** Puts a relay between the client and the gateway. */
  is_watched?: true
  env?: Record<string, string>
}

async function openRig(protocol: Protocol, script: TurnScript, options: RigOptions = {}): Promise<Rig> {
  const scene = await stage.open(protocol, script, options.family)
  const { model, customer } = scene
  const relay = options.is_watched ? startRelay(scene.origin) : undefined
  const origin = relay?.baseUrl.replace(/\/v1$/, "") ?? scene.origin
  const claude = await openClaudeCode({ origin, model, token: customer.key, env: options.env ?? {} })
  const close = async () => {
    await relay?.stop()
    await claude.remove()
  }
  return { scene, claude, relay, [Symbol.asyncDispose]: close }
}

function print({ claude, scene }: Rig, prompt: string): Promise<ClaudeRun> {
  return pass(() => claude.print(scene.says(prompt)))
}

function textOf(request: UpstreamRequest | undefined): string {
  return new TextDecoder().decode(request?.bytes)
}

/** Chat has no seals: there the text of the thought comes back (DeepSeek). */
const thought = (seal: string): Part => ({ kind: "reasoning", text: `Thinking of ${seal}`, seal })

/** What the tools of the run said, in order: text of each `tool_result`, with a mark when it is an error. */
function resultsOf(run: ClaudeRun): string[] {
  const contents = run.events.flatMap(event => (event.message as Json | undefined)?.content ?? [])
  const results = (contents as Json[]).filter(block => block.type === "tool_result")
  return results.map(block => `${block.is_error ? "ERROR " : ""}${JSON.stringify(block.content)}`)
}

/** A red square of 8 × 8 pixels. */
const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="

/** Upstream the tool may have another name than the client's; its description stays. */
function nameOfAdder(body: Json): string {
  const offered = recordsOf(body.tools).map(tool => (isRecord(tool.function) ? tool.function : tool))
  return String(offered.find(tool => tool.description === "Adds two numbers.")?.name)
}

describe.concurrent.each([...PROTOCOLS])("Claude Code over %s", protocol => {
  test("shows a text, and what it sees of usage is what is paid", async () => {
    const turns = [says("Grüße 🙂", { input: 14_000, cached: 12_000, output: 300 })]
    await using rig = await openRig(protocol, turns)
    const run = await print(rig, "say hello")
    expect(run).toMatchObject({ exitCode: 0, result: "Grüße 🙂", isError: false })
    const last = run.events.at(-1)
    expect(last?.usage).toMatchObject({
      input_tokens: 2_000,
      cache_read_input_tokens: 12_000,
      output_tokens: 300,
    })
    await rig.scene.paid(turns)
  })

  test.each(families)(
    "as %s runs Bash, Write and Edit, and the model gets its thoughts again",
    async family => {
      const seals = [1, 2].map(() => `seal-${crypto.randomUUID()}`) as [string, string]
      const [first, second] = seals
      await using rig = await openRig(protocol, (_, index) => turns[index] ?? says("too many"), { family })
      const file = join(rig.claude.workspace, "a.txt")
      const edit = { file_path: file, old_string: "world", new_string: "Welt" }
      const turns: Turn[] = [
        calls("call_bash", "Bash", { command: "echo one", description: "Echo" }, thought(first)),
        calls("call_write", "Write", { file_path: file, content: "hello\nworld\n" }, thought(second)),
        calls("call_edit", "Edit", edit, thought(`seal-${crypto.randomUUID()}`)),
        says("All done."),
      ]
      const run = await print(rig, "work")
      expect(rig.scene.play.refusals).toEqual([])
      expect(run).toMatchObject({ exitCode: 0, result: "All done.", isError: false })
      expect(resultsOf(run).filter(text => text.startsWith("ERROR"))).toEqual([])
      expect(await Bun.file(file).text()).toBe("hello\nWelt\n")
      const last = textOf(rig.scene.play.requests[3])
      expect(seals.filter(seal => !last.includes(seal))).toEqual([])
      await rig.scene.paid(turns)
    },
  )

  test("runs two tools of one turn, one of which fails", async () => {
    const bash = (id: string, command: string): Part => ({
      kind: "call",
      id,
      tool: "Bash",
      arguments: { command, description: "Run" },
    })
    const turns: Turn[] = [
      { parts: [bash("call_a", "echo alpha"), bash("call_b", "exit 3")] },
      says("One failed."),
    ]
    await using rig = await openRig(protocol, turns)
    const run = await print(rig, "two at once")
    expect(run).toMatchObject({ exitCode: 0, result: "One failed." })
    expect(textOf(rig.scene.play.requests[1])).toMatch(/alpha[\s\S]*Exit code 3/)
    await rig.scene.paid(turns)
  })

  test("hands work to a sub-agent and gets its answer", async () => {
    await using rig = await openRig(protocol, (_, index) => turns[index] ?? says("too many"))
    const task = {
      description: "Look around",
      prompt: rig.scene.says("list files"),
      subagent_type: "general-purpose",
      run_in_background: false,
    }
    const turns: Turn[] = [
      calls("call_agent", "Agent", task),
      calls("call_ls", "Bash", { command: "echo from-the-agent", description: "List" }),
      says("The agent saw nothing but air."),
      says("It found nothing."),
    ]
    const run = await print(rig, "delegate")
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, result: "It found nothing." })
    expect(textOf(rig.scene.play.requests[3])).toContain("nothing but air")
    await rig.scene.paid(turns)
  })

  test("searches the web by its own request, on an upstream that can; on Chat the turn goes on", async () => {
    await using rig = await openRig(protocol, (_, index) => turns[index] ?? says("too many"))
    const results = [{ title: "Rust 2.0", url: "https://blog.rust-lang.org/2" }]
    const turns: Turn[] = [
      calls("call_search", "WebSearch", { query: rig.scene.says("rust news") }),
      {
        parts: [
          { kind: "web-search", query: "rust news", results },
          { kind: "text", text: "Rust 2.0 is out." },
        ],
      },
      says("There is news."),
    ]
    const run = await print(rig, "any news?")
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, result: "There is news." })
    const last = textOf(rig.scene.play.requests[2])
    expect(last).toContain("Rust 2.0 is out.")
    if (protocol !== "openai-chat") expect(last).toContain("https://blog.rust-lang.org/2")
    await rig.scene.paid(turns)
  })

  test("compacts when the upstream says, in its own words, that the prompt is too long", async () => {
    await using rig = await openRig(protocol, (_, index) => turns[index] ?? says("too many"))
    const bash = (id: string) =>
      calls(
        id,
        "Bash",
        { command: "echo step", description: "Step" },
        thought(`seal-${id}-${crypto.randomUUID()}`),
      )
    const turns: Turn[] = [
      ...["call_1", "call_2", "call_3", "call_4"].map(bash),
      { parts: [], refusal: { kind: "context-overflow" } },
      says(`<summary>Four steps were made. ${rig.scene.play.mark}</summary>`),
      says("Done after compaction."),
    ]
    const run = await print(rig, "work long")
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, result: "Done after compaction." })
    expect(textOf(rig.scene.play.requests[6])).toContain("Four steps were made.")
    await rig.scene.paid(turns)
  })

  test("repeats a broken stream without streaming, and gets the whole answer", async () => {
    const text = "A text that is long enough to be cut in its middle."
    const turns: Turn[] = [{ ...says(text), break: { after: "some", how: "reset" } }, says(text)]
    await using rig = await openRig(protocol, turns, { is_watched: true })
    const run = await print(rig, "say it")
    expect(run).toMatchObject({ exitCode: 0, result: text })
    const asked = rig.relay?.exchanges.filter(({ method }) => method === "POST") ?? []
    const bodies = asked.map(({ requestBytes }) => JSON.parse(new TextDecoder().decode(requestBytes)))
    expect(bodies.map(({ stream }) => stream)).toEqual([true, undefined])
    expect(bodies[1].messages).toEqual(bodies[0].messages)
    const [cut, whole] = await rig.scene.settled()
    expect(cut).toMatchObject({ state: "settled", endReason: "cut" })
    expect(nanosOf(cut?.chargedUsd ?? "0")).toBeGreaterThan(0n)
    expect(whole).toMatchObject({ state: "settled", usageSource: "reported", endReason: "completed" })
    expect(nanosOf(whole?.chargedUsd ?? "0")).toBe(priceOf(DEFAULT_COUNTS))
  })

  test("shows the model a picture it reads from a file", async () => {
    await using rig = await openRig(protocol, (_, index) => turns[index] ?? says("too many"))
    const file = join(rig.claude.workspace, "picture.png")
    await Bun.write(file, Buffer.from(PICTURE, "base64"))
    const turns = [calls("call_read", "Read", { file_path: file }), says("It is red.")]
    const run = await print(rig, "look")
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, result: "It is red." })
    const sent = textOf(rig.scene.play.requests[1])
    expect(sent).toMatch(/"type":"(input_image|image_url|image)"/)
    expect(sent).toContain("iVBORw0KGgo")
    await rig.scene.paid(turns)
  })

  test("calls an MCP tool whose name is longer than OpenAI allows", async () => {
    const script = ({ body }: UpstreamRequest, index: number): Turn =>
      index === 0 ? calls("call_add", nameOfAdder(body ?? {}), { a: 40, b: 2 }) : says("42")
    await using rig = await openRig(protocol, script)
    const server = { command: process.execPath, args: [resolve(import.meta.dir, "../support/mcp-server.ts")] }
    const config = { mcpServers: { [`demo_${"x".repeat(50)}`]: server } }
    const run = await pass(() =>
      rig.claude.print(rig.scene.says("add them"), {
        args: ["--mcp-config", JSON.stringify(config), "--strict-mcp-config"],
      }),
    )
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, result: "42" })
    expect(textOf(rig.scene.play.requests[1])).toContain("the sum is 42")
    await rig.scene.paid([says(""), says("")])
  })

  test("waits as long as a limit says, and gets its answer", async () => {
    const turns: Turn[] = [
      { parts: [], refusal: { kind: "rate-limit", retry_after_seconds: 1 } },
      says("At last."),
    ]
    await using rig = await openRig(protocol, turns)
    const run = await print(rig, "say hello")
    expect(run).toMatchObject({ exitCode: 0, result: "At last." })
    const [first, second] = rig.scene.play.requests
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeWithin(900, 4_000)
    await rig.scene.paid(turns)
  })

  test("asks on when the answer had no room for its end", async () => {
    const turns: Turn[] = [{ ...says("Once upon"), stop: "length" }, says("a time.")]
    await using rig = await openRig(protocol, turns)
    const run = await print(rig, "tell")
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, isError: false, result: expect.stringContaining("a time.") })
    await rig.scene.paid(turns)
  })

  test("goes on over another upstream, which sees nothing signed by the first", async () => {
    const elsewhere = PROTOCOLS[(PROTOCOLS.indexOf(protocol) + 1) % PROTOCOLS.length] as Protocol
    const seal = `seal-${crypto.randomUUID()}`
    const bash = { command: "echo first", description: "Echo" }
    const turns = [calls("call_1", "Bash", bash, thought(seal)), says("Blue.")]
    await using rig = await openRig(protocol, turns)
    const other = stage.upstreams[elsewhere].play([says("Elsewhere.")], rig.scene.play.mark)
    await print(rig, "name a colour")
    const args = ["--model", stage.modelOf(elsewhere)]
    const run = await pass(() => rig.claude.resume("and now?", { args }))
    expect([rig.scene.play.refusals, other.refusals]).toEqual([[], []])
    expect(run).toMatchObject({ exitCode: 0, result: "Elsewhere." })
    expect(textOf(other.requests[0])).not.toContain(seal)
    expect((await rig.scene.settled()).length).toBe(3)
  })

  test("goes on in a conversation it continues", async () => {
    const turns: Turn[] = [
      { parts: [thought(`seal-${crypto.randomUUID()}`), { kind: "text", text: "Blue." }] },
      says("You asked for a colour."),
    ]
    await using rig = await openRig(protocol, turns)
    await print(rig, "name a colour")
    const run = await pass(() => rig.claude.resume("what did I ask?"))
    expect(rig.scene.play.refusals).toEqual([])
    expect(run).toMatchObject({ exitCode: 0, result: "You asked for a colour." })
    await rig.scene.paid(turns)
  })

  test("may count tokens, for nothing", async () => {
    const { origin, model, customer, settled } = await stage.open(protocol, [])
    const tools = [{ name: "f", description: "does it", input_schema: { type: "object" } }]
    const answer = await fetch(`${origin}/v1/messages/count_tokens?beta=true`, {
      method: "POST",
      headers: { authorization: `Bearer ${customer.key}`, "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "How long is this?" }], tools }),
    })
    expect(answer.status).toBe(200)
    const { input_tokens } = (await answer.json()) as { input_tokens: number }
    expect(input_tokens).toBeWithin(5, 500)
    expect(await settled()).toEqual([])
  })
})

test("Claude Code discovers the models that are named as it wants, and shows its context without paying", async () => {
  const env = {
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "",
    // What it would ask of other hosts ends at a closed door of this one.
    HTTPS_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "127.0.0.1",
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
    DISABLE_AUTOUPDATER: "1",
  }
  await using rig = await openRig("anthropic-messages", () => says("Hello."), { env })
  expect(await print(rig, "say hello")).toMatchObject({ exitCode: 0, result: "Hello." })
  const texts = await Promise.all(
    [...new Bun.Glob("**/*.json").scanSync({ cwd: rig.claude.home, dot: true, absolute: true })].map(path =>
      Bun.file(path).text(),
    ),
  )
  for (const model of PROTOCOLS.map(protocol => stage.modelOf(protocol)))
    expect(texts.filter(text => text.includes(model)).length).toBeGreaterThan(0)
  const paid = await rig.scene.settled()
  const context = await pass(() => rig.claude.print("/context"))
  expect(context).toMatchObject({ exitCode: 0 })
  expect(context.result).toContain("Tokens")
  expect(await rig.scene.settled()).toEqual(paid)
})
