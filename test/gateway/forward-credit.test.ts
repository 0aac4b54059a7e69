/** Credit while an answer grows: slices are held in time, and an answer ends when there is none left. */
import { describe, expect, test } from "bun:test"
import { getBalances } from "../../src/wallet/ledger/accounts.ts"
import { openTestApp, readBooks, type TestApp, type TestCustomer } from "../support/app.ts"
import { type OpenStream, openStream, streamAnswer } from "../support/fake-fetch.ts"
import {
  askAsCodex,
  askStream,
  FIRST_HOLD_NANOS,
  readPieces,
  readReceipt,
  typesOf,
} from "../support/gateway.ts"
import { parseStream } from "../support/responses-fixtures.ts"
import { textTurn } from "../support/responses-turns.ts"
import { untilTrue } from "../support/turns.ts"

const SECOND_SLICE_NANOS = 8_192 * 30_000
const usd = (nanos: number) => (nanos / 1e9).toFixed(9)

const frame = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
const created = frame("response.created", { sequence_number: 0, response: { id: "resp_1" } })

/** A delta of so many tokens by estimate. */
const delta = (tokens: number, sequence_number = 1) =>
  frame("response.output_text.delta", { sequence_number, delta: "x".repeat(tokens * 4) })

const completed = (input_tokens: number, output_tokens: number) =>
  frame("response.completed", { response: { id: "resp_1", usage: { input_tokens, output_tokens } } })

const heldNow = async ({ app }: TestApp, { id }: TestCustomer) =>
  (await getBalances(app.store.read, id)).token_held

/** A stream in the test's hand whose first output has reached the client. */
async function openAnswer(app: TestApp, customer: TestCustomer, asking = askStream) {
  const upstream: OpenStream = openStream()
  app.upstream.play(upstream.answer)
  upstream.push(created + delta(1))
  const answer = await asking(app, customer)
  const pieces = readPieces(answer)
  await pieces.next()
  return { upstream, pieces }
}

describe("the next slice", () => {
  test("is held when three quarters of the held output have been delivered, and not earlier", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const { upstream, pieces } = await openAnswer(app, customer)
    upstream.push(delta(3_070))
    await pieces.next()
    expect(await heldNow(app, customer)).toBe(FIRST_HOLD_NANOS as never)
    upstream.push(delta(1))
    await pieces.next()
    expect(await heldNow(app, customer)).toBe((FIRST_HOLD_NANOS + SECOND_SLICE_NANOS) as never)
    upstream.push(completed(1_000, 3_072))
    upstream.end()
    await pieces.rest()
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      charged_nanos: 1_000 * 5_000 + 3_072 * 30_000,
      peak_held_nanos: FIRST_HOLD_NANOS + SECOND_SLICE_NANOS,
    })
  })

  test("doubles up to 16,384 tokens", async () => {
    await using app = await openTestApp({})
    const customer = await app.createCustomer()
    const { upstream, pieces } = await openAnswer(app, customer)
    const slices: number[] = []
    for (let count = 0; count < 4; count++) {
      const before = await heldNow(app, customer)
      upstream.push(delta(count < 2 ? 6_200 : 16_384))
      await pieces.next()
      slices.push(((await heldNow(app, customer)) - before) / 30_000)
    }
    expect(slices).toEqual([8_192, 16_384, 16_384, 16_384])
    upstream.push(completed(10, 10))
    upstream.end()
    await pieces.rest()
    expect(await readBooks(app, customer)).toMatchObject({ held_nanos: 0 })
  })

  test("is never more than the request allows", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    upstream.push(created + delta(4_000))
    const answer = await askStream(app, customer, { body: { max_output_tokens: 4_100 } })
    const pieces = readPieces(answer)
    await pieces.next()
    // 85 bytes are 29 tokens of input.
    expect(await heldNow(app, customer)).toBe((29 * 5_000 + 4_100 * 30_000) as never)
    upstream.push(delta(100))
    await pieces.next()
    expect(await heldNow(app, customer)).toBe((29 * 5_000 + 4_100 * 30_000) as never)
    upstream.push(completed(29, 4_100))
    upstream.end()
    await pieces.rest()
    expect((await readReceipt(app, customer)).receipt.charged_nanos).toBe(29 * 5_000 + 4_100 * 30_000)
  })
})

describe("when the credit does not cover the next slice", () => {
  const credit = FIRST_HOLD_NANOS + SECOND_SLICE_NANOS - 1

  test("the answer ends as out of credit, charged for what was delivered", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_PUBLIC_URL: "https://api.example.com" } })
    const customer = await app.createCustomer({ credit_usd: usd(credit) })
    const { upstream, pieces } = await openAnswer(app, customer)
    upstream.push(delta(3_071, 41))
    const text = await pieces.rest()
    await upstream.hung_up
    expect(text).toStartWith(delta(3_071, 41))
    expect(parseStream(text).at(-1)).toMatchObject({
      type: "response.failed",
      sequence_number: 42,
      response: {
        id: "resp_1",
        error: {
          code: "invalid_prompt",
          message:
            "Your credit ran out during this answer: it ends here, and what was produced is charged. " +
            "Top up at https://api.example.com and continue.",
        },
      },
    })
    const charged = 20 * 5_000 + 3_072 * 30_000
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      end_reason: "out-of-credit",
      usage_source: "estimated",
      input_tokens: 20,
      output_tokens: 3_072,
      charged_nanos: charged,
      loss_nanos: 0,
    })
    expect(free_nanos).toBe(credit - charged)
  })

  test("with one nano more the answer goes on", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: usd(credit + 1) })
    const { upstream, pieces } = await openAnswer(app, customer)
    upstream.push(delta(3_071))
    upstream.push(completed(16, 3_072))
    upstream.end()
    expect(typesOf(await pieces.rest())).toEqual(["response.output_text.delta", "response.completed"])
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "completed", charged_nanos: 16 * 5_000 + 3_072 * 30_000 })
  })

  test("the Codex CLI gets it in the form it shows once", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: usd(credit) })
    const { upstream, pieces } = await openAnswer(app, customer, askAsCodex)
    upstream.push(delta(3_071))
    expect(parseStream(await pieces.rest()).at(-1)).toMatchObject({
      type: "response.failed",
      response: { error: { code: "invalid_prompt" } },
    })
  })

  test("a wallet that is frozen during the answer holds no more", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const { upstream, pieces } = await openAnswer(app, customer)
    const freeze = "UPDATE ledger_account SET is_frozen = 1 WHERE customer_id = ? AND kind = 'token'"
    await app.app.store.tx(q => q.run(freeze, customer.id))
    upstream.push(delta(3_071))
    expect(typesOf(await pieces.rest()).at(-1)).toBe("response.failed")
    expect((await readReceipt(app, customer)).receipt.end_reason).toBe("out-of-credit")
  })
})

describe("what an answer costs beyond its hold", () => {
  test("is taken from the free credit", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(textTurn("hi", { input: 100_000, output: 5 })))
    await (await askStream(app, customer)).text()
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ charged_nanos: 500_150_000, loss_nanos: 0, cost_nanos: 500_150_000 })
    expect(free_nanos).toBe(10_000_000_000 - 500_150_000)
  })

  test("is a recorded loss when there is none: never a negative balance", async () => {
    await using app = await openTestApp()
    const credit_nanos = 200_000_000
    const customer = await app.createCustomer({ credit_usd: usd(credit_nanos) })
    app.upstream.play(streamAnswer(textTurn("hi", { input: 100_000, output: 5 })))
    await (await askStream(app, customer)).text()
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(free_nanos).toBe(0)
    expect(receipt).toMatchObject({
      cost_nanos: 500_150_000,
      charged_nanos: credit_nanos,
      loss_nanos: 500_150_000 - credit_nanos,
    })
  })
})

test("of fifty parallel requests on credit for two holds two are answered", async () => {
  await using app = await openTestApp({ env: { CODEXAPI_KEY_CONCURRENCY: "100" } })
  const customer = await app.createCustomer({ credit_usd: usd(2 * FIRST_HOLD_NANOS) })
  const turn = textTurn("hi", { input: 16, output: 10 })
  const upstreams = [openStream(), openStream()]
  app.upstream.play(...upstreams.map(upstream => upstream.answer))
  const asked = Array.from({ length: 50 }, () => askStream(app, customer))
  // Only when all have been admitted or refused do the two answers end and give back what they hold.
  await untilTrue("48 are refused", () => app.events.length === 48)
  for (const upstream of upstreams) {
    upstream.push(turn.join(""))
    upstream.end()
  }
  const answers = await Promise.all(asked)
  const texts = await Promise.all(answers.map(answer => answer.text()))
  expect(answers.filter(answer => answer.status === 200)).toHaveLength(2)
  expect(answers.filter(answer => answer.status === 402)).toHaveLength(48)
  expect(texts.filter(text => text === turn.join(""))).toHaveLength(2)
  const { free_nanos, receipts } = await readBooks(app, customer)
  expect(receipts).toHaveLength(2)
  expect(free_nanos).toBe(2 * (FIRST_HOLD_NANOS - 16 * 5_000 - 10 * 30_000))
})
