/** Cache hits over receipts: only what was settled counts, and no input has no rate. */
import { expect, test } from "bun:test"
import { listCacheHits } from "../../../src/wallet/usage/cache-hits.ts"
import { openTestApp } from "../../support/app.ts"
import { streamAnswer } from "../../support/fake-fetch.ts"
import { askStream } from "../../support/gateway.ts"
import { textTurn } from "../../support/responses-turns.ts"

test("a request without input has no rate, one that was released is not counted", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  const asked = { since: 0, customer_id: customer.id, limit: 10 }
  const broken = () => new Response("{}", { status: 500 })
  app.upstream.play(broken, broken)
  await (await askStream(app, customer)).text()
  expect(await listCacheHits(app.app.store.read, asked)).toEqual([])
  app.upstream.play(streamAnswer(textTurn("hi", { input: 0, cached: 0, output: 5 })))
  await (await askStream(app, customer)).text()
  expect(await listCacheHits(app.app.store.read, asked)).toMatchObject([
    { request_count: 1, input_tokens: 0, cache_hit_rate: null },
  ])
})
