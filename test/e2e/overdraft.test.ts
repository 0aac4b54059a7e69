/** Many requests at once on credit for two: no overdraft at any moment, and every refusal is a clean one. */
import { expect, test } from "bun:test"
import { type Customer, startExecutable } from "../support/executable.ts"
import { nanosOf, priceOf } from "../support/price.ts"
import { wholeTextTurn } from "../support/responses-turns.ts"
import { startScriptedUpstream } from "../support/scripted-upstream.ts"

const REQUEST_COUNT = 50
/** A slice of 1,000 tokens costs 0.03 USD, the short input next to nothing: this covers two, not three. */
const CREDIT_USD = "0.07"
const USAGE = { input: 12, output: 40 }
/** The upstream answers when all others have long been refused. */
const UPSTREAM_DELAY_MS = 1_500

test("50 requests at once on credit for two slices: two admitted, 48 refused, never negative", async () => {
  await using closing = new AsyncDisposableStack()
  const upstream = startScriptedUpstream(() => ({
    json: wholeTextTurn("ok", USAGE),
    delayMs: UPSTREAM_DELAY_MS,
  }))
  closing.defer(() => upstream.stop())
  const server = await startExecutable({
    upstreamUrl: upstream.baseUrl,
    env: { CODEXAPI_KEY_CONCURRENCY: "100" },
  })
  closing.defer(async () => void (await server.stop()))
  const customer = await server.createCustomer(CREDIT_USD)

  const ask = () =>
    fetch(`${server.baseUrl}/responses`, {
      method: "POST",
      headers: { authorization: `Bearer ${customer.key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-5.5", input: "hi", max_output_tokens: 1_000 }),
    })
  const answers = Promise.all(Array.from({ length: REQUEST_COUNT }, ask))
  const lowest = await watchBalance(customer, answers)

  expect(lowest >= 0n).toBe(true)
  const seen: Record<string, number> = {}
  for (const answer of await answers) {
    const what = await describe(answer)
    seen[what] = (seen[what] ?? 0) + 1
  }
  expect(seen).toEqual({ "200 0.00126": 2, "402 insufficient_quota, affords 323": REQUEST_COUNT - 2 })
  expect(upstream.requests.length).toBe(2)

  const charged = 2n * priceOf(USAGE)
  const { balanceUsd, heldUsd, availableUsd } = await customer.wallet()
  expect([nanosOf(balanceUsd), nanosOf(heldUsd), availableUsd]).toEqual([
    nanosOf(CREDIT_USD) - charged,
    0n,
    balanceUsd,
  ])
  const receipts = await customer.receipts()
  expect(receipts.map(({ state, chargedUsd }) => `${state} ${chargedUsd}`)).toEqual([
    "settled 0.00126",
    "settled 0.00126",
  ])
  expect(await server.verifyLedger()).toMatchObject({ ok: true, exitCode: 0 })
}, 30_000)

/** The lowest amount that any reading of the wallet showed while `work` went on. */
async function watchBalance(customer: Customer, work: Promise<unknown>): Promise<bigint> {
  let is_over = false
  const over = () => {
    is_over = true
  }
  work.then(over, over)
  let lowest = nanosOf(CREDIT_USD)
  while (!is_over) {
    const { balanceUsd, availableUsd, heldUsd } = await customer.wallet()
    for (const amount of [balanceUsd, availableUsd, heldUsd].map(nanosOf))
      if (amount < lowest) lowest = amount
    await Bun.sleep(5)
  }
  return lowest
}

/** Status, and what the client needs to know. */
async function describe(answer: Response): Promise<string> {
  if (answer.status === 200) return `200 ${answer.headers.get("x-codexapi-cost-usd")}`
  const { error } = (await answer.json()) as { error: Record<string, unknown> }
  return `${answer.status} ${error.code}, affords ${error.affordable_output_tokens}`
}
