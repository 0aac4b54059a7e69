/** The operator's corrections of a wallet, where the command line cannot reach: frozen wallets and races. */
import { expect, test } from "bun:test"
import { adjustCredit } from "../../src/admin/credit.ts"
import { openTestApp, readBooks } from "../support/app.ts"

test("from a frozen wallet nothing is taken, to it credit may come", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer({ credit_usd: "1.00" })
  const freeze = "UPDATE ledger_account SET is_frozen = 1 WHERE customer_id = ? AND kind = 'token'"
  await app.app.store.tx(q => q.run(freeze, customer.id))
  const adjust = (direction: "credit" | "debit") =>
    adjustCredit(app.app, { customer_id: customer.id, amount: "0.25", reason: "x", direction })
  await expect(adjust("debit")).rejects.toMatchObject({
    reason: "conflict",
    message: expect.stringMatching(/is frozen/),
  })
  await adjust("credit")
  expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 1_250_000_000 })
})

test("of fifty debits at once only as many succeed as there is credit for", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer({ credit_usd: "1.00" })
  const debit = () =>
    adjustCredit(app.app, { customer_id: customer.id, amount: "0.07", reason: "x", direction: "debit" })
  const debits = await Promise.allSettled(Array.from({ length: 50 }, debit))
  expect(debits.filter(one => one.status === "fulfilled")).toHaveLength(14)
  expect(app.events).toHaveLength(14)
  expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 20_000_000 })
})
