/** The test app: that it is the real one, and leaves nothing behind. */
import { expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { openTestApp, readBooks } from "./app.ts"

test("a closed app leaves no folder behind", async () => {
  const test_app = await openTestApp()
  const { data_dir } = test_app.app.config
  expect(existsSync(data_dir)).toBe(true)
  await test_app.close()
  expect(existsSync(data_dir)).toBe(false)
})

test("the server answers in the process", async () => {
  await using test_app = await openTestApp()
  const answer = await test_app.send("/health")
  expect(answer.status).toBe(200)
})

test("a customer of the factory can ask with both keys and has the credit", async () => {
  await using test_app = await openTestApp()
  const customer = await test_app.createCustomer({ credit_usd: "2.50" })
  for (const key of [customer.key, customer.system_token]) {
    const answer = await test_app.send("/api/v1/wallet/status", { key })
    expect(await answer.json()).toMatchObject({ balanceUsd: "2.50" })
  }
  expect(test_app.events).toEqual([])
  expect(await readBooks(test_app, customer)).toEqual({
    free_nanos: 2_500_000_000,
    held_nanos: 0,
    receipts: [],
  })
})
