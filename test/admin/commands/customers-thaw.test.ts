/** What the operator's `customer thaw` does with a debt. */
import { expect, test } from "bun:test"
import { centsToNanos } from "../../../src/wallet/ledger/nanos.ts"
import { post } from "../../../src/wallet/ledger/post.ts"
import { openTestApp, readBooks, type TestApp } from "../../support/app.ts"
import { runForRecord } from "../../support/operator.ts"
import { transferOf } from "../../support/wallet.ts"

const run = (app: TestApp, verb: string, ...words: string[]) =>
  runForRecord(app, `customer ${verb}`, ...words)

test("thawing a wallet takes what was owed while nothing could be taken, once", async () => {
  await using app = await openTestApp()
  const { id } = await app.createCustomer({ credit_usd: "110.00" })
  await run(app, "freeze", "--customer", id)
  const owed = { group_id: "du_1", kind: "dispute_debt", from: "system/debt", to: `${id}/cash_debt` }
  await app.app.store.tx(q =>
    post(q, 0, [transferOf({ id: "du_1", ...owed, amount_nanos: centsToNanos(10_000) })]),
  )
  expect(await run(app, "thaw", "--customer", id)).toMatchObject({ balanceUsd: "10.00", isFrozen: false })
  expect(await run(app, "thaw", "--customer", id)).toMatchObject({ balanceUsd: "10.00" })
  await readBooks(app, { id })
})
