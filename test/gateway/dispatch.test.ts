/** Which upstream answers: the next one is asked until there is output, and the customer pays once. */
import { describe, expect, test } from "bun:test"
import { openTestApp, readBooks } from "../support/app.ts"
import {
  type Answer,
  deadAnswer,
  jsonAnswer,
  openStream,
  rawAnswer,
  silentAnswer,
  streamAnswer,
} from "../support/fake-fetch.ts"
import { askStream, askWhole, attemptsOf, readReceipt } from "../support/gateway.ts"
import { failedTurn, textTurn, wholeTextTurn } from "../support/responses-turns.ts"
import { untilTrue } from "../support/turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300 }
const PRICE = 10_750_000
const frames = textTurn("hello", USAGE, { id: "resp_1" })
const whole = wholeTextTurn("hello", USAGE, { id: "resp_1" })
const prelude = frames.slice(0, 2)

const errorAnswer = (status: number, message = "no", more: object = {}): Answer =>
  jsonAnswer({ error: { message, ...more } }, { status })

/** What an upstream may do that another can make good. */
const RETRIED: [string, Answer, string][] = [
  ["500", errorAnswer(500), "status-500"],
  ["503 of a proxy", rawAnswer("<html>", { status: 503 }), "status-503"],
  ["429", errorAnswer(429), "status-429"],
  ["401, because the operator's key is wrong", errorAnswer(401), "status-401"],
  ["402, because the operator's account is empty", errorAnswer(402), "status-402"],
  ["404, because it does not have the model", errorAnswer(404), "status-404"],
  ["302", rawAnswer("", { status: 302, headers: { location: "http://169.254.169.254/" } }), "status-302"],
  ["no connection", deadAnswer, "unreachable"],
]

const RETRIED_STREAMS: [string, Answer, string][] = [
  ["a failed event first", streamAnswer(failedTurn("server_error", "sorry")), "failed-server_error"],
  [
    "a rate limit as an event",
    streamAnswer(failedTurn("rate_limit_exceeded", "slow")),
    "failed-rate_limit_exceeded",
  ],
  [
    "an error event",
    streamAnswer(['event: error\ndata: {"type":"error","code":"x","message":"y"}\n\n']),
    "failed-x",
  ],
  ["an end before output", streamAnswer(prelude), "cut"],
  ["a reset before output", streamAnswer(prelude, "reset"), "cut"],
  ["an empty stream", streamAnswer([]), "cut"],
  ["comments only", streamAnswer([": ping\n\n", ": ping\n\n"]), "cut"],
]

const RETRIED_WHOLE: [string, Answer, string][] = [
  ["a body that is no JSON", rawAnswer("<html>"), "cut"],
  ["a body that breaks off", streamAnswer(['{"id":"resp_1",'], "reset"), "cut"],
  ["half a body", rawAnswer('{"id":"resp_1",'), "cut"],
]

describe("a stream comes from the next upstream when the first one gives", () => {
  test.each([...RETRIED, ...RETRIED_STREAMS])("%s", async (_, failure, result) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(failure, streamAnswer(frames))
    const answer = await askStream(app, customer)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe(frames.join(""))
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(attemptsOf(receipt)).toEqual([`openai: ${result}`, "openrouter: answered"])
    expect(receipt).toMatchObject({
      upstream_id: "openrouter",
      upstream_model: "openai/gpt-5.5",
      charged_nanos: PRICE,
    })
    expect(free_nanos).toBe(10_000_000_000 - PRICE)
    expect(app.events.map(event => event.name)).toEqual(["route-failed", "request-settled"])
    expect(app.app.connections.size).toBe(0)
  })

  test("silence for as long as is configured", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_UPSTREAM_TIMEOUT_SECONDS: "5" } })
    const customer = await app.createCustomer()
    const slow = openStream()
    app.upstream.play(silentAnswer, slow.answer)
    slow.push(prelude.join(""))
    slow.push(frames.slice(2).join(""))
    slow.end()
    const answer = askStream(app, customer)
    await untilTrue("the first is asked", () => app.upstream.calls.length === 1)
    app.clock.advance(6_000)
    expect(await (await answer).text()).toBe(frames.join(""))
    const { receipt } = await readReceipt(app, customer)
    expect(attemptsOf(receipt)).toEqual(["openai: timeout", "openrouter: answered"])
    const attempts: { duration_ms: number }[] = JSON.parse(receipt.attempts)
    expect(attempts.map(attempt => attempt.duration_ms)).toEqual([6_000, 0])
  })
})

describe("a whole answer comes from the next upstream when the first one gives", () => {
  test.each([...RETRIED, ...RETRIED_WHOLE])("%s", async (_, failure, result) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(failure, jsonAnswer(whole))
    const answer = await askWhole(app, customer)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(whole)
    const { receipt } = await readReceipt(app, customer)
    expect(attemptsOf(receipt)).toEqual([`openai: ${result}`, "openrouter: answered"])
    expect(receipt.charged_nanos).toBe(PRICE)
    expect(app.app.connections.size).toBe(0)
  })
})

test("each upstream gets its own key and its own name of the model, and nothing else changed", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  app.upstream.play(errorAnswer(500), streamAnswer(frames))
  const text =
    '{ "stream":true, "max_tool_calls":12345678901234567890, "store" :false,\n"model" : "gpt-5.5", "input":"\\u00fc ü" }'
  await (await askStream(app, customer, { text })).text()
  const [first, second] = app.upstream.calls
  expect(first).toMatchObject({ url: "https://first.test/v1/responses", body: text })
  expect(second!.url).toBe("https://second.test/v1/responses")
  expect(second!.body).toBe(text.replace('"gpt-5.5"', '"openai/gpt-5.5"'))
  expect(first!.headers.get("authorization")).toBe("Bearer sk-canary-upstream-0123456789")
  expect(second!.headers.get("authorization")).toBe("Bearer sk-canary-second-0123456789")
})

describe("an upstream that puts off its first output", () => {
  test("with more bytes than any prelude has is given up for the next one", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const comment = `: ${"x".repeat(1024 * 1024)}\n\n`
    app.upstream.play(
      streamAnswer([...Array.from({ length: 8 }, () => comment), ...frames]),
      streamAnswer(frames),
    )
    expect(await (await askStream(app, customer)).text()).toBe(frames.join(""))
    const { receipt } = await readReceipt(app, customer)
    expect(attemptsOf(receipt).at(-1)).toBe("openrouter: answered")
    expect(receipt.charged_nanos).toBe(PRICE)
  })

  test("for longer than any model thinks is given up, however lively it is", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    let ping_count = 0
    const lively: Answer = call =>
      new Response(
        (async function* () {
          while (!call.signal.aborted && ping_count < 1_000) {
            ping_count += 1
            // A comment a minute.
            app.clock.advance(60_000)
            // Read before the next one is made.
            await Bun.sleep(0)
            yield new TextEncoder().encode(": ping\n\n")
          }
        })(),
        { headers: { "content-type": "text/event-stream" } },
      )
    app.upstream.play(lively, streamAnswer(frames))
    expect(await (await askStream(app, customer)).text()).toBe(frames.join(""))
    expect(ping_count).toBeLessThan(30)
  })
})

describe("no other upstream is asked", () => {
  test.each([
    [
      "400",
      errorAnswer(400, "Unknown parameter", { param: "x", code: "unknown_parameter" }),
      400,
      "unknown_parameter",
    ],
    ["413", errorAnswer(413, "too big"), 413, "invalid_request"],
    ["422", errorAnswer(422, "no"), 400, "invalid_request"],
  ] as const)("when the request itself is at fault: %s", async (_, failure, status, code) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(failure)
    const answer = await askStream(app, customer)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { code } })
    expect(app.upstream.calls).toHaveLength(1)
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ state: "released", end_reason: "refused-upstream", charged_nanos: 0 })
    expect(free_nanos).toBe(10_000_000_000)
  })

  test.each(["context_length_exceeded", "invalid_prompt", "cyber_policy"])(
    "when a stream fails by %s",
    async code => {
      await using app = await openTestApp()
      const customer = await app.createCustomer()
      app.upstream.play(streamAnswer(failedTurn(code, "Your input is too long.")))
      const answer = await askStream(app, customer)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ error: { code, message: "Your input is too long." } })
      expect(app.upstream.calls).toHaveLength(1)
      expect((await readReceipt(app, customer)).receipt).toMatchObject({
        state: "released",
        charged_nanos: 0,
      })
    },
  )

  test.each(["end", "reset"] as const)("once there was output: %s", async end => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(frames.slice(0, 6), end))
    expect(await (await askStream(app, customer)).text()).toContain("response.failed")
    expect(app.upstream.calls).toHaveLength(1)
    expect(attemptsOf((await readReceipt(app, customer)).receipt)).toEqual(["openai: answered"])
  })

  test("once a whole answer said that it has failed", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const failed = { ...whole, status: "failed", error: { code: "server_error", message: "sorry" } }
    app.upstream.play(jsonAnswer(failed))
    const answer = await askWhole(app, customer)
    expect(await answer.json()).toEqual(failed)
    expect((await readReceipt(app, customer)).receipt).toMatchObject({
      end_reason: "failed",
      charged_nanos: PRICE,
    })
  })
})

describe("when no upstream answers", () => {
  test.each([
    ["the last one's fault is told", [errorAnswer(500), errorAnswer(500)], 502, "upstream_error"],
    ["a rate limit says when to come back", [errorAnswer(500), errorAnswer(429)], 429, "upstream_rate_limit"],
    ["the operator's trouble is named as such", [deadAnswer, errorAnswer(401)], 503, "upstream_access"],
    ["dead addresses are unreachable", [deadAnswer, deadAnswer], 502, "upstream_unreachable"],
  ] as const)("%s, and nothing is charged", async (_, failures, status, code) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(...failures)
    const answer = await askStream(app, customer)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { code } })
    if (status === 429) expect(answer.headers.get("retry-after")).toBe("1")
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ state: "released", charged_nanos: 0, upstream_id: null })
    expect(free_nanos).toBe(10_000_000_000)
    expect(app.events.map(event => event.name)).toEqual([
      "route-failed",
      "route-failed",
      "request-released",
      "request-refused",
    ])
  })

  test("what a failed stream reports to have used is charged as reported, of the last one only", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const failed = (input: number) =>
      streamAnswer(failedTurn("server_error", "sorry", { usage: { input, output: 0 } }))
    app.upstream.play(failed(999), failed(100))
    expect((await askStream(app, customer)).status).toBe(502)
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      state: "settled",
      end_reason: "refused-upstream",
      charged_nanos: 100 * 5_000,
    })
  })

  test("a failed try that reports usage is not charged when another one answers", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const failed = failedTurn("server_error", "sorry", { usage: { input: 999, output: 9 } })
    app.upstream.play(streamAnswer(failed), streamAnswer(frames))
    await (await askStream(app, customer)).text()
    const { receipt } = await readReceipt(app, customer)
    expect(receipt.charged_nanos).toBe(PRICE)
    // Each try with what it cost: 999 in at 5,000 nanos and 9 out at 30,000.
    expect(JSON.parse(receipt.attempts)).toMatchObject([
      { upstream_id: "openai", cost_nanos: 5_265_000 },
      { upstream_id: "openrouter", result: "answered", cost_nanos: PRICE },
    ])
  })
})

describe("of the operator's side a customer learns nothing:", () => {
  const secrets = "sk-proj-canary123456 https://canary.example/v1 org-canary123456"

  test.each([400, 401, 429, 500])("an error of status %i shows neither key nor address", async status => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(errorAnswer(status, secrets), errorAnswer(status, secrets))
    const answer = await askStream(app, customer)
    expect(await answer.text()).not.toContain("canary")
    expect(JSON.stringify([app.events, app.logs, await readBooks(app, customer)])).not.toContain("canary")
  })

  test("the customer's name of the model stands where the upstream says its own", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(errorAnswer(500), errorAnswer(400, "The model openai/gpt-5.5 takes no such thing."))
    const answer = await askStream(app, customer)
    expect(await answer.json()).toMatchObject({
      error: { message: "The model gpt-5.5 takes no such thing." },
    })
  })

  test.each(["server_error", "invalid_prompt"])("neither does a stream that fails by %s", async code => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(failedTurn(code, secrets)), streamAnswer(failedTurn(code, secrets)))
    const answer = await askStream(app, customer)
    expect(await answer.text()).not.toContain("canary")
  })
})
