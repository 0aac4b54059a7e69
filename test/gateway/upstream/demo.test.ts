/** The demo upstream, asked as the gateway asks it. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { validateEvents } from "../../../src/gateway/protocol/openai-responses/validate-events.ts"
import type { WireResponse } from "../../../src/gateway/protocol/openai-responses/wire.ts"
import { answerDemo } from "../../../src/gateway/upstream/demo.ts"
import { listRequests, loadRequest, parseStream } from "../../support/responses-fixtures.ts"

function ask(body: unknown, pause?: (ms: number) => Promise<void>): Promise<Response> {
  let count = 0
  const newId = (prefix: string) => `${prefix}_${++count}`
  const needs = { clock: { now: () => 1_700_000_000_000 }, newId, ...(pause ? { pause } : {}) }
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return answerDemo(needs, new Request("http://demo/v1/responses", { method: "POST", body: text }))
}

async function whole(body: JsonObject): Promise<WireResponse> {
  return (await (await ask({ model: "demo", ...body, stream: false })).json()) as WireResponse
}

async function streamed(body: JsonObject): Promise<JsonObject[]> {
  return parseStream(await (await ask({ model: "demo", ...body, stream: true })).text())
}

const textOf = ({ output }: WireResponse) => JSON.stringify(output.filter(item => item.type === "message"))
const shell = { type: "function", name: "exec_command", parameters: {}, strict: false }
const outputItem = (output: string) => ({ type: "function_call_output", call_id: "call_2", output })

describe("answers", () => {
  test("it says what it is, quotes the prompt and explains how to connect an upstream", async () => {
    const text = textOf(await whole({ input: "Hello, who are you?" }))
    expect(text).toContain("demo of CodexAPI; there is no model")
    expect(text).toContain("Hello, who are you?")
    expect(text).toContain("set OPENAI_API_KEY and restart")
  })

  test("the stream is legal, word by word, and ends with the whole answer", async () => {
    const body = { input: "Tell me something" }
    const events = await streamed(body)
    expect(validateEvents(events)).toEqual([])
    expect(events.filter(event => event.type === "response.output_text.delta").length).toBeGreaterThan(5)
    expect(events.some(event => event.type === "response.reasoning_summary_text.delta")).toBe(true)
    const { usage: _, ...last } = events.at(-1)!.response as WireResponse
    const { usage: __, ...once } = await whole(body)
    expect(last).toEqual(once)
  })

  test("every event's name is its type", async () => {
    const text = await (await ask({ model: "demo", input: "x", stream: true })).text()
    for (const event of text.trimEnd().split("\n\n")) {
      const [name, data] = event.split("\n")
      expect(name).toBe(`event: ${JSON.parse(data!.slice(6)).type}`)
    }
  })

  test("the same request has the same answer", async () => {
    expect(await streamed({ input: "again" })).toEqual(await streamed({ input: "again" }))
  })

  test("a long prompt is quoted short and without splitting a character", async () => {
    const text = textOf(await whole({ input: "🜚".repeat(500) }))
    expect(text).toContain(`${"🜚".repeat(80)}…`)
    expect(text).not.toContain("🜚".repeat(81))
  })

  test.each(listRequests())("%s is answered with a legal stream", async file => {
    const response = await ask(loadRequest(file))
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    expect(validateEvents(parseStream(await response.text()))).toEqual([])
  })

  test("it pauses between deltas only when it is given a pause", async () => {
    const pauses: number[] = []
    const pause = async (ms: number) => void pauses.push(ms)
    await (await ask({ model: "demo", input: "x", stream: true }, pause)).text()
    expect(pauses.length).toBeGreaterThan(5)
    expect(new Set(pauses)).toEqual(new Set([15]))
  })
})

describe("a command", () => {
  test.each([
    ["exec_command", '{"cmd":"ls"}'],
    ["shell_command", '{"command":"ls"}'],
  ])("%s is called when the user asks for it", async (name, args) => {
    const { output } = await whole({ input: "Please list files here", tools: [{ ...shell, name }] })
    expect(output.at(-1)).toMatchObject({ type: "function_call", name, arguments: args, call_id: "call_2" })
  })

  test("its output is summarised: three lines, without Codex's header", async () => {
    const output = "Chunk ID: 1\nProcess exited with code 0\nOutput:\nfirst\nsecond\n\nthird\nfourth\n"
    const call = { type: "function_call", name: "exec_command", call_id: "call_2", arguments: '{"cmd":"ls"}' }
    const input = [{ role: "user", content: "run a command" }, call, outputItem(output)]
    const answer = await whole({ input, tools: [shell] })
    expect(answer.output.map(item => item.type)).toEqual(["reasoning", "message"])
    expect(textOf(answer)).toContain("> first\\n> second\\n> third")
    expect(textOf(answer)).not.toMatch(/fourth|Chunk/)
  })

  test("a new prompt after an old command gets a new call", async () => {
    const input = [
      { role: "user", content: "run a command" },
      { type: "function_call", name: "exec_command", call_id: "c", arguments: "{}" },
      outputItem("x"),
      { role: "user", content: "run a command" },
    ]
    expect((await whole({ input, tools: [shell] })).output.at(-1)?.type).toBe("function_call")
  })

  test.each([
    ["no shell is offered", { tools: [{ ...shell, name: "other" }] }],
    ["the shell is a custom tool", { tools: [{ type: "custom", name: "exec_command" }] }],
    ["tools are forbidden", { tools: [shell], tool_choice: "none" }],
  ])("is not called when %s", async (_, rest) => {
    expect((await whole({ input: "run a command", ...rest })).output.at(-1)?.type).toBe("message")
  })
})

describe("limits and usage", () => {
  test.each([1, 5, 20, 30])("max_output_tokens %d stops the answer there", async limit => {
    const response = await whole({ input: "hi", max_output_tokens: limit })
    expect(response).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      usage: { output_tokens: limit },
    })
    const events = await streamed({ input: "hi", max_output_tokens: limit })
    expect(validateEvents(events)).toEqual([])
  })

  test("a call that does not fit is cut, not shortened", async () => {
    const body = { input: "run a command", tools: [shell], max_output_tokens: 15 }
    expect((await whole(body)).output.at(-1)).toMatchObject({ type: "function_call", status: "incomplete" })
  })

  test("a limit that is not reached changes nothing", async () => {
    expect(await whole({ input: "hi", max_output_tokens: 10_000 })).toMatchObject({ status: "completed" })
  })

  test("tokens are a quarter of the bytes in and of the characters out", async () => {
    const body = { model: "demo", stream: false, input: "hi" }
    const { output, usage } = await whole(body)
    const said = output.flatMap(item => [...JSON.stringify(item).matchAll(/"text":("(?:[^"\\]|\\.)*")/g)])
    const chars = said.reduce((sum, match) => sum + JSON.parse(match[1]!).length, 0)
    expect(usage?.input_tokens).toBe(Math.ceil(JSON.stringify(body).length / 4))
    expect(usage?.output_tokens).toBe(Math.ceil(chars / 4))
    expect(usage?.output_tokens_details.reasoning_tokens).toBeGreaterThan(0)
  })
})

describe("malformed requests", () => {
  test.each([
    ["not json", "body"],
    ['{"input":"x"}', "model"],
    ['{"model":"m","input":[{"role":"robot","content":""}]}', "input[0].role"],
  ])("%s is refused naming %s", async (body, param) => {
    const response = await ask(body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param } })
  })
})
