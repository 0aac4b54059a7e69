/** Tries that never reached an upstream: routes that cannot carry a request, and upstreams without a free place. */
import { describe, expect, test } from "bun:test"
import type { PricedAttempt } from "../../src/wallet/metering/receipt.ts"
import { jsonAnswer, openStream } from "../support/fake-fetch.ts"
import { runCommand } from "../support/operator.ts"
import { lastReceipt, modelOn, openPairApp, type PairApp } from "../support/pair-app.ts"
import { untilTrue } from "../support/turns.ts"

const CHAT_ANSWER = {
  id: "c",
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 2 },
}

const attemptsOf = async (pairs: PairApp) =>
  (JSON.parse((await lastReceipt(pairs)).attempts) as PricedAttempt[]).map(
    ({ upstream_id, result }) => `${upstream_id}: ${result}`,
  )

const addFallback = ({ app }: PairApp, model: string, upstream: string) =>
  runCommand(
    app,
    "route add",
    "--model",
    model,
    "--upstream",
    upstream,
    "--upstream-model",
    "up-2",
    "--tier",
    "1",
  )

/** No Messages upstream gives log probabilities. */
const asked = { client: "openai-chat", upstream: "openai-chat", body: { logprobs: true } } as const

describe("a route that cannot carry the request", () => {
  test("does not hide what the one that was asked said", async () => {
    await using pairs = await openPairApp()
    await addFallback(pairs, modelOn("openai-chat"), "anthropic-messages")
    const failure = jsonAnswer({ error: { message: "down" } }, { status: 503 })
    const { response, text } = await pairs.ask(asked, failure)
    expect(response.status).toBe(502)
    expect(JSON.parse(text)).toMatchObject({ error: { code: "upstream_error" } })
    expect(await attemptsOf(pairs)).toEqual(["openai-chat: status-503", "anthropic-messages: unsuited"])
  })

  test("is told when there is no other", async () => {
    await using pairs = await openPairApp()
    const only = { ...asked, upstream: "anthropic-messages" } as const
    const { response, text } = await pairs.ask(only, jsonAnswer(CHAT_ANSWER))
    expect(response.status).toBe(400)
    expect(JSON.parse(text)).toMatchObject({ error: { param: "logprobs" } })
    expect(await attemptsOf(pairs)).toEqual(["anthropic-messages: unsuited"])
  })
})

test("waiting in vain for a place is a try too, with the time that it took", async () => {
  await using pairs = await openPairApp({ "max-concurrency": "1" })
  const { app, customer } = pairs
  const first = openStream()
  app.upstream.play(first.answer)
  const body = { model: modelOn("openai-chat"), messages: [{ role: "user", content: "hi" }] }
  const streaming = app.send("/v1/chat/completions", { key: customer.key, body: { ...body, stream: true } })
  await untilTrue("the place is taken", () => app.upstream.calls.length === 1)
  const waiting = app.send("/v1/chat/completions", { key: customer.key, body })
  const timers = app.clock.timer_count()
  await untilTrue("the second waits", () => app.clock.timer_count() >= timers)
  for (let second = 0; second < 11; second++) {
    await Bun.sleep(0)
    app.clock.advance(1_000)
  }
  expect((await waiting).status).toBe(429)
  const { attempts } = await lastReceipt(pairs)
  expect(JSON.parse(attempts)).toMatchObject([
    { upstream_id: "openai-chat", result: "saturated", cost_nanos: 0 },
  ])
  first.end()
  await (await streaming).text()
})
