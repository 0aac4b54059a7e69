/** Tests of the scripted upstream over real sockets. */
import { afterEach, expect, test } from "bun:test"
import { connect } from "node:net"
import OpenAI from "openai"
import { failedTurn, reasoningItem, textTurn, toolTurn, wholeTextTurn } from "./responses-turns.ts"
import { type Script, type ScriptedUpstream, startScriptedUpstream } from "./scripted-upstream.ts"
import { until } from "./until.ts"

const usage = { input: 100, cached: 40, output: 10, reasoning: 4 }
const opened: ScriptedUpstream[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map(upstream => upstream.stop()))
})

function start(script: Script = []): ScriptedUpstream {
  const upstream = startScriptedUpstream(script)
  opened.push(upstream)
  return upstream
}

function post(upstream: ScriptedUpstream, init: RequestInit = {}): Promise<Response> {
  const headers = { "content-type": "application/json", authorization: "Bearer k" }
  return fetch(`${upstream.baseUrl}/responses`, { method: "POST", headers, body: '{"model":"m"}', ...init })
}

/** Sends a request by hand and gives back every byte and how the connection ended. */
function postRaw(upstream: ScriptedUpstream): Promise<{ text: string; isClean: boolean }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ text: string; isClean: boolean }>()
  const socket = connect(Number(new URL(upstream.origin).port), "127.0.0.1")
  let text = ""
  socket.setTimeout(5000, () => socket.destroy(new Error("no end within 5 s")))
  socket.on("data", bytes => {
    text += bytes.toString("utf8")
    if (text.endsWith("\r\n0\r\n\r\n")) socket.end()
  })
  socket.on("error", error => ("code" in error ? resolve({ text, isClean: false }) : reject(error)))
  socket.on("close", () => resolve({ text, isClean: text.endsWith("\r\n0\r\n\r\n") }))
  socket.write("POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
  return promise
}

function typesOf(frames: string[]): string[] {
  return frames.map(frame => frame.slice("event: ".length, frame.indexOf("\n")))
}

test("a text turn has the whole event order of OpenAI with rising sequence numbers", () => {
  const frames = textTurn("hello world", usage, { deltas: 2 })
  expect(typesOf(frames)).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ])
  const events = frames.map(frame => JSON.parse(frame.slice(frame.indexOf("data: ") + 6)))
  expect(events.map(event => event.sequence_number)).toEqual(events.map((_, index) => index))
  expect(events.map(event => event.type)).toEqual(typesOf(frames))
  expect(events[0].response.id).toBe(events.at(-1).response.id)
})

test("the official SDK's strict helper reads a turn with reasoning, a call and a custom call", async () => {
  const upstream = start([
    {
      sse: toolTurn(
        [
          reasoningItem("SEALED"),
          { type: "message", text: "I will look.", phase: "commentary" },
          { type: "function_call", callId: "call_1", name: "exec_command", arguments: { cmd: "pwd" } },
          { type: "custom_tool_call", callId: "call_2", name: "apply_patch", input: "*** Begin Patch" },
        ],
        usage,
      ),
    },
  ])
  const client = new OpenAI({ baseURL: upstream.baseUrl, apiKey: "k", maxRetries: 0 })
  const answer = await client.responses.stream({ model: "m", input: "hi" }).finalResponse()
  expect(answer.output.map(item => item.type)).toEqual([
    "reasoning",
    "message",
    "function_call",
    "custom_tool_call",
  ])
  expect(answer.output[2]).toMatchObject({ arguments: '{"cmd":"pwd"}', call_id: "call_1" })
  expect(answer.usage).toMatchObject({ input_tokens: 100, total_tokens: 110 })
})

test("the official SDK reads a whole answer and a failed one", async () => {
  const upstream = start([
    { json: wholeTextTurn("whole", usage) },
    { sse: failedTurn("server_error", "broke") },
  ])
  const client = new OpenAI({ baseURL: upstream.baseUrl, apiKey: "k", maxRetries: 0 })
  const whole = await client.responses.create({ model: "m", input: "hi" })
  expect(whole.output_text).toBe("whole")
  const failed = await client.responses.stream({ model: "m", input: "hi" }).finalResponse()
  expect(failed.error).toEqual({ code: "server_error", message: "broke" })
})

test("every request is recorded with its bytes, and steps are played in order", async () => {
  const upstream = start([
    { json: { n: 1 } },
    { json: { n: 2 }, status: 429, headers: { "retry-after": "3" } },
  ])
  expect(await (await post(upstream)).json()).toEqual({ n: 1 })
  const second = await post(upstream, { body: "not json" })
  expect([second.status, second.headers.get("retry-after")]).toEqual([429, "3"])
  expect(upstream.requests.map(request => request.body)).toEqual([{ model: "m" }, undefined])
  expect(new TextDecoder().decode(upstream.requests[1]?.bytes)).toBe("not json")
  expect(upstream.requests[0]).toMatchObject({ method: "POST", path: "/v1/responses", wasFinished: true })
  expect(upstream.requests[0]?.headers.get("authorization")).toBe("Bearer k")
})

test("a request beyond the script is refused and counted; a function may answer instead", async () => {
  const upstream = start()
  expect((await post(upstream)).status).toBe(400)
  expect(upstream.unexpectedCount).toBe(1)
  upstream.play((request, index) => ({ json: { index, path: request.path } }))
  expect(await (await post(upstream)).json()).toEqual({ index: 0, path: "/v1/responses" })
})

test("chunks arrive one by one with the gap between them", async () => {
  const upstream = start([{ sse: ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"], gapMs: 30 }])
  const arrivals: number[] = []
  const startedAt = performance.now()
  for await (const _ of (await post(upstream)).body ?? []) arrivals.push(performance.now() - startedAt)
  expect(arrivals.length).toBe(3)
  expect(arrivals[0]).toBeLessThan(25)
  expect(arrivals[2]).toBeGreaterThan(50)
})

test("cut 'end' ends the body cleanly in the middle, cut 'reset' breaks the connection", async () => {
  const frames = textTurn("hello", usage)
  const upstream = start([
    { sse: frames, cut: "end", after: 3 },
    { sse: frames, cut: "reset", after: 3 },
  ])
  const ended = await postRaw(upstream)
  expect(ended.isClean).toBe(true)
  const reset = await postRaw(upstream)
  expect(reset.isClean).toBe(false)
  for (const { text } of [ended, reset]) {
    expect(text).toContain(frames[2]?.trim() ?? "missing")
    expect(text).not.toContain("content_part.added")
  }
})

test("silence before or inside the answer lasts until the client leaves, which is recorded", async () => {
  const upstream = start([{ silent: true }, { sse: textTurn("hello", usage), silent: true, after: 2 }])
  const first = new AbortController()
  const answer = post(upstream, { signal: first.signal }).catch(error => error.name)
  await until("it was asked", () => upstream.requests.length === 1)
  first.abort()
  expect(await answer).toBe("AbortError")
  await until("the first close is seen", () => upstream.requests[0]?.wasAborted === true)

  const second = new AbortController()
  const response = await post(upstream, { signal: second.signal })
  const reader = response.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("response.created")
  second.abort()
  await until("the second close is seen", () => upstream.requests[1]?.wasAborted === true)
  expect(upstream.requests[1]?.wasFinished).toBe(false)
})
