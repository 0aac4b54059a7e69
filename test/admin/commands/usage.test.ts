/** The operator's look at prompt caches: by key and model, of one customer or all, since a time. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { openTestApp, type TestApp, type TestCustomer } from "../../support/app.ts"
import { streamAnswer } from "../../support/fake-fetch.ts"
import { askStream } from "../../support/gateway.ts"
import { runCommand } from "../../support/operator.ts"
import { textTurn } from "../../support/responses-turns.ts"

async function ask(app: TestApp, customer: TestCustomer, cached: number): Promise<void> {
  app.upstream.play(streamAnswer(textTurn("hi", { input: 1_000, cached, output: 5 })))
  await (await askStream(app, customer)).text()
}

describe("the share of the input that came from prompt caches", () => {
  test("is summed by key and model, the most input first", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer({ email: "mine@example.com" })
    const other = await app.createCustomer({ email: "other@example.com" })
    await ask(app, mine, 0)
    await ask(app, mine, 500)
    await ask(app, other, 1_000)
    const mineRow = {
      customerId: mine.id,
      keyId: mine.key_id,
      model: "gpt-5.5",
      requestCount: 2,
      inputTokens: 1_500,
      cacheReadTokens: 500,
      cacheHitRate: 0.25,
    }
    const rows = await runCommand(app, "usage cache")
    expect(rows).toEqual([mineRow, expect.objectContaining({ customerId: other.id, cacheHitRate: 1 })])
    expect(await runCommand(app, "usage cache", "--customer", "mine@example.com")).toEqual([mineRow])
    expect(await runCommand(app, "usage cache", "--limit", "1")).toEqual([mineRow])
  })

  test("leaves out what is older than asked", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    await ask(app, customer, 500)
    app.clock.advance(3 * 86_400_000)
    expect(await runCommand(app, "usage cache", "--days", "2")).toEqual([])
    expect(await runCommand(app, "usage cache", "--days", "4")).toHaveLength(1)
  })

  test("refuses days that are no number", async () => {
    await using app = await openTestApp()
    expect(runCommand(app, "usage cache", "--days", "x")).rejects.toThrow(UsageError)
  })
})
