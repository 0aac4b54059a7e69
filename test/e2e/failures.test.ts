/** What goes wrong, seen by the real Codex CLI: what it shows, how often it asks, what the ledger says. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { CodexRun } from "../support/codex-cli.ts"
import type { Receipt } from "../support/executable.ts"
import { nanosOf, priceOf } from "../support/price.ts"
import { textTurn } from "../support/responses-turns.ts"
import type { Step } from "../support/scripted-upstream.ts"
import { openStage, type Stage, type StageOptions } from "../support/stage.ts"
import { until } from "../support/until.ts"

setDefaultTimeout(80_000)

const usage = { input: 14_000, cached: 12_000, output: 300 }
const frames = textTurn("An answer that is quite long enough to be cut somewhere.", usage)
/** Frames before the first text delta. */
const preludeCount = 4

interface Expected {
  /** The one final text the CLI shows. */
  shows: RegExp
  /** Requests the CLI made; its defaults are one try and five more. */
  asked: number
  /** Requests the upstream got. */
  served: number
  /** Of every answer; 200 unless told: a refusal inside a stream is what this CLI shows best. */
  status?: number
}

interface Case {
  name: string
  options: StageOptions
  expected: Expected
  also?: (stage: Stage, run: CodexRun) => void
}

const always = (step: Step) => () => step
const lastUntilRetriesEnd = /^stream disconnected before completion: /

/** Nothing in these was ever delivered: nothing may be charged. */
const free: Case[] = [
  {
    name: "a wrong key is refused with a 401 that says so",
    options: { cli: { token: "cxk_wrong" } },
    expected: { shows: /^unexpected status 401 Unauthorized: .*key/i, asked: 6, served: 0, status: 401 },
  },
  {
    name: "no credit is said once, with the amounts",
    options: { creditUsd: "0.01" },
    expected: { shows: /credit.*0\.01|0\.01.*credit/i, asked: 1, served: 0 },
  },
  {
    name: "an unknown model is said once, by its name",
    options: { cli: { model: "no-such-model" } },
    expected: { shows: /no-such-model/, asked: 1, served: 0 },
  },
  {
    name: "an upstream 400 is passed on once, in the upstream's words",
    options: {
      script: always({
        status: 400,
        json: { error: { message: "Unsupported value: 'medium' is odd.", type: "invalid_request_error" } },
      }),
    },
    expected: { shows: /Unsupported value: 'medium' is odd\./, asked: 1, served: 1 },
  },
  {
    name: "an upstream 401 is the operator's matter and shows nothing of his key",
    options: {
      script: always({
        status: 401,
        json: { error: { message: "Incorrect API key provided: sk-upst*****test", code: "invalid_api_key" } },
      }),
    },
    expected: { shows: /operator/, asked: 1, served: 1 },
    also: (_, run) => expect(run.stdout + run.stderr).not.toContain("sk-upst"),
  },
  {
    name: "an upstream 429 makes the CLI wait as long as the upstream said",
    options: {
      script: always({
        status: 429,
        headers: { "retry-after": "1" },
        json: { error: { message: "Rate limit reached", code: "rate_limit_exceeded" } },
      }),
    },
    expected: { shows: /^stream disconnected before completion: .*try again in 1s/i, asked: 6, served: 6 },
    also: ({ relay }) => {
      const waits = relay.exchanges.slice(1).map((one, index) => one.at - (relay.exchanges[index]?.at ?? 0))
      for (const wait of waits) expect(wait).toBeWithin(900, 3000)
    },
  },
  {
    name: "an upstream 500 is tried again by the CLI and then said once",
    options: { script: always({ status: 500, json: { error: { message: "secret internals" } } }) },
    expected: { shows: lastUntilRetriesEnd, asked: 6, served: 6 },
    also: (_, run) => expect(run.stdout + run.stderr).not.toContain("secret internals"),
  },
  {
    name: "a connection reset before any output is tried again and free",
    options: { script: always({ sse: frames, cut: "reset", after: preludeCount }) },
    expected: { shows: lastUntilRetriesEnd, asked: 6, served: 6 },
  },
  {
    name: "a body that ends before any output is tried again and free",
    options: { script: always({ sse: frames, cut: "end", after: preludeCount }) },
    expected: { shows: lastUntilRetriesEnd, asked: 6, served: 6 },
  },
  {
    name: "an upstream that never answers is given up after the time limit",
    options: { script: always({ silent: true }), env: { CODEXAPI_UPSTREAM_TIMEOUT_SECONDS: "1" } },
    expected: { shows: lastUntilRetriesEnd, asked: 6, served: 6 },
  },
]

function expectShown(stage: Stage, run: CodexRun, expected: Expected): void {
  expect(run.hasTimedOut).toBe(false)
  expect(run.exitCode).toBe(1)
  expect(run.errors).toEqual([expect.stringMatching(expected.shows)])
  expect(run.reconnectCount).toBe(expected.asked - 1)
  expect(stage.relay.exchanges.length).toBe(expected.asked)
  expect(stage.upstream.requests.length).toBe(expected.served)
  const statuses = new Set(stage.relay.exchanges.map(exchange => exchange.status))
  expect([...statuses]).toEqual([expected.status ?? 200])
}

/** An estimate was charged: something, by the counts it shows, and not more than what was held. */
function expectEstimated(receipt: Receipt | undefined, endReason: string): void {
  expect(receipt).toMatchObject({ state: "settled", usageSource: "estimated", endReason })
  expect(receipt?.outputTokens).toBeGreaterThan(0)
  expect(receipt?.chargedUsd).toBe(receipt?.costUsd ?? "missing")
}

/** The first text of the first answer is on its way to the CLI. */
function hasBegun({ relay }: Stage): Promise<void> {
  const passed = () => new TextDecoder().decode(relay.exchanges[0]?.responseBytes)
  return until("the answer has begun", () => passed().includes("output_text.delta"), 30_000)
}

describe.concurrent("the Codex CLI, when nothing was delivered", () => {
  test.each(free)("$name", async ({ options, expected, also }) => {
    await using stage = await openStage(options)
    const run = await stage.cli.exec("say hello", { json: true })
    expectShown(stage, run, expected)
    also?.(stage, run)
    const receipts = await stage.settled()
    expect(receipts.map(receipt => [receipt.state, nanosOf(receipt.chargedUsd)])).toEqual(
      Array.from({ length: expected.served }, () => ["released", 0n]),
    )
  })
})

describe.concurrent("the Codex CLI, when an answer had begun", () => {
  test("cut after output: charged by estimate, then the CLI's own retry is answered and paid", async () => {
    const { promise: once, resolve } = Promise.withResolvers<void>()
    await using stage = await openStage({
      script: [{ sse: frames, cut: "reset", after: 6, once }, { sse: frames }],
    })
    hasBegun(stage).then(resolve, resolve)
    const run = await stage.cli.exec("say hello", { json: true })
    expect(run).toMatchObject({ exitCode: 0, errors: [], reconnectCount: 1 })
    expect(stage.relay.exchanges.length).toBe(2)
    const [cut, whole] = await stage.settled()
    expectEstimated(cut, "cut")
    expect(whole).toMatchObject({ state: "settled", usageSource: "reported", endReason: "completed" })
    expect(nanosOf(whole?.chargedUsd ?? "0")).toBe(priceOf(usage))
  })

  test("silent after output: given up after the time limit, charged by estimate, said once", async () => {
    await using stage = await openStage({
      script: always({ sse: frames, silent: true, after: 6 }),
      env: { CODEXAPI_UPSTREAM_TIMEOUT_SECONDS: "1" },
      cli: { provider: "stream_max_retries = 0" },
    })
    const run = await stage.cli.exec("say hello", { json: true })
    expectShown(stage, run, { shows: lastUntilRetriesEnd, asked: 1, served: 1 })
    await until("the upstream was left", () => stage.upstream.requests[0]?.wasAborted === true)
    const [receipt] = await stage.settled()
    expectEstimated(receipt, "timeout")
  })

  test("credit that runs out in mid-stream stops the upstream and is said once", async () => {
    const long = textTurn("word ".repeat(20_000), usage, { deltas: 1000 })
    await using stage = await openStage({ script: always({ sse: long, gapMs: 1 }), creditUsd: "0.25" })
    const run = await stage.cli.exec("say much", { json: true })
    expectShown(stage, run, { shows: /credit/i, asked: 1, served: 1 })
    await until("the upstream was stopped", () => stage.upstream.requests[0]?.wasAborted === true)
    const receipts = await stage.settled()
    expect(receipts.length).toBe(1)
    expectEstimated(receipts[0], "out-of-credit")
    expect(receipts[0]?.outputTokens).toBeWithin(2000, 4097)
    expect(nanosOf((await stage.customer.wallet()).balanceUsd)).toBeGreaterThan(0n)
  })

  test("Ctrl-C: the upstream finishes, the real usage is charged", async () => {
    await using stage = await openStage({ script: [{ sse: frames, gapMs: 100 }] })
    const run = await stage.cli.exec("say hello", { interrupt: hasBegun(stage) })
    expect(run.hasTimedOut).toBe(false)
    await until("the upstream finished", () => stage.upstream.requests[0]?.wasFinished === true)
    expect(stage.upstream.requests[0]?.wasAborted).toBe(false)
    const receipts = await stage.settled()
    expect(receipts).toMatchObject([{ state: "settled", usageSource: "reported", endReason: "client-left" }])
    expect(nanosOf(receipts[0]?.chargedUsd ?? "0")).toBe(priceOf(usage))
  })
})
