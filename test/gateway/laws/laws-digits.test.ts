/** Law 6 through the whole server: arguments keep every digit, streamed, whole and replayed, over every pair. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { historyOf, placeOf, TOOL_PAIRS, toolOf } from "../../support/client-tools.ts"
import { streamAnswer } from "../../support/fake-fetch.ts"
import { meaningOf } from "../../support/meaning.ts"
import { openPairApp, type PairApp } from "../../support/pair-app.ts"
import { readClient } from "../../support/pairs.ts"
import { vendorTurn } from "../../support/vendor-calls.ts"
import { vendorAnswer, vendorWhole } from "../../support/vendor-wire.ts"

let scene: PairApp
beforeAll(async () => {
  scene = await openPairApp()
})
afterAll(() => scene[Symbol.asyncDispose]())

describe("arguments keep every digit", () => {
  const SAID = '{"id":9007199254740993,"n":123456789012345678901234567890}'
  test.each(TOOL_PAIRS)("of a streamed answer: %s", async (_, pair) => {
    const calls = [{ id: "call_1", name: "run", pieces: [SAID.slice(0, 12), SAID.slice(12)] }]
    const body = { tools: [toolOf(pair.client, "run")] }
    const answer = streamAnswer(vendorTurn(pair.upstream, { calls }))
    const { text } = await scene.ask({ ...pair, is_streamed: true, body }, answer)
    expect(meaningOf(readClient(pair.client, text)).calls[0]?.arguments).toBe(SAID)
  })

  test.each(TOOL_PAIRS)("of a replayed history: %s", async (_, { client, upstream }) => {
    const list = historyOf(client, [{ id: "call_1", name: "run", said: SAID, answer: "ok" }])
    const body = { tools: [toolOf(client, "run")], max_tokens: 100, [placeOf(client)]: "HISTORY" }
    if (client === "openai-responses") delete (body as JsonObject).max_tokens
    const model = `model-on-${upstream}`
    const text = JSON.stringify({ model, stream: false, ...body }).replace('"HISTORY"', list)
    scene.app.upstream.play(vendorAnswer(upstream, {}))
    const path = {
      "openai-responses": "responses",
      "openai-chat": "chat/completions",
      "anthropic-messages": "messages",
    }[client]
    const answer = await scene.app.send(`/v1/${path}`, { key: scene.customer.key, body: text })
    await answer.text()
    const sent = scene.app.upstream.calls.at(-1)?.body.replaceAll('\\"', '"') ?? ""
    expect([answer.status, sent.includes('"id":9007199254740993')]).toEqual([200, true])
    expect(sent).toContain("123456789012345678901234567890")
  })

  test.each(TOOL_PAIRS)("of a whole answer: %s", async (_, { client, upstream }) => {
    const whole = JSON.stringify(wholeCall(upstream)).replace(
      '"ARGUMENTS"',
      upstream === "anthropic-messages" ? SAID : JSON.stringify(SAID),
    )
    const limit = client === "openai-responses" ? { max_output_tokens: 100 } : { max_tokens: 100 }
    const raw = () => new Response(whole, { headers: { "content-type": "application/json" } })
    const asked = { client, upstream, body: { tools: [toolOf(client, "run")], ...limit } }
    const { text } = await scene.ask(asked, raw)
    const said = text.replaceAll('\\"', '"')
    expect(said).toContain('"id":9007199254740993')
    expect(said).toContain("123456789012345678901234567890")
  })
})

/** A whole answer that is one call. */
function wholeCall(upstream: Protocol): JsonObject {
  const whole = vendorWhole(upstream, { usage: {} })
  if (upstream === "openai-responses") {
    return {
      ...whole,
      output: [{ type: "function_call", id: "fc_1", call_id: "c1", name: "run", arguments: "ARGUMENTS" }],
    }
  }
  if (upstream === "anthropic-messages") {
    return {
      ...whole,
      content: [{ type: "tool_use", id: "c1", name: "run", input: "ARGUMENTS" }],
      stop_reason: "tool_use",
    }
  }
  const tool_calls = [{ id: "c1", type: "function", function: { name: "run", arguments: "ARGUMENTS" } }]
  return {
    ...whole,
    choices: [
      { index: 0, message: { role: "assistant", content: null, tool_calls }, finish_reason: "tool_calls" },
    ],
  }
}
