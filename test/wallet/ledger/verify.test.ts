/** Tests of verify-ledger: honest books pass, and damage to each law is found and named. */
import { describe, expect, test } from "bun:test"
import { verifyLedger } from "../../../src/wallet/ledger/verify.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { openTestWallet, outcomeOf, type TestWallet, usageOf } from "../../support/wallet.ts"

/** Books with a settled request (1,500), a released one and an open one (2,000 held). */
async function openBooks(): Promise<TestWallet> {
  const wallet = await openTestWallet(100_000)
  const [paid, dropped] = [await wallet.open(), await wallet.open({ request_id: "req_2" })]
  const reported = { usage: usageOf({ input_tokens: 1_000, output_tokens: 50 }) }
  await endMeter(wallet.needs, paid, outcomeOf({ reported }))
  await endMeter(wallet.needs, dropped, outcomeOf({ end_reason: "unreachable" }))
  await wallet.open({ request_id: "req_3" })
  return wallet
}

/** The numbers of the laws that have findings. */
async function brokenLaws(wallet: TestWallet): Promise<string> {
  const laws = await verifyLedger(wallet.store.read)
  return laws
    .filter(({ findings }) => findings.length > 0)
    .map(({ law }) => law[0])
    .join(" ")
}

const TRANSFER = `INSERT INTO ledger_transfer
  (id, group_id, kind, ledger, from_account, to_account, amount_nanos, ref, actor, event_at, created_at)
  VALUES`
const SETTLED = "UPDATE metered_request SET"

const DAMAGE: { name: string; sql: string[]; laws: string }[] = [
  {
    name: "a balance was edited",
    sql: ["UPDATE ledger_account SET balance_nanos = 1 WHERE id = 'cus_1/token'"],
    laws: "1 2",
  },
  {
    name: "money was moved between two balances without a transfer",
    sql: [
      "UPDATE ledger_account SET balance_nanos = balance_nanos - 5 WHERE id = 'cus_1/token'",
      "UPDATE ledger_account SET balance_nanos = balance_nanos + 5 WHERE id = 'cus_1/token_held'",
    ],
    laws: "2",
  },
  {
    name: "a balance stands below its floor, transfers and all",
    sql: [
      `${TRANSFER} ('x', 'x', 'k', 'token', 'cus_1/token', 'system/issue_admin', 200000, '', '', 0, 0)`,
      "UPDATE ledger_account SET balance_nanos = balance_nanos - 200000 WHERE id = 'cus_1/token'",
    ],
    laws: "3",
  },
  {
    name: "a transfer was edited",
    sql: ["UPDATE ledger_transfer SET amount_nanos = 1 WHERE id = 'start'"],
    laws: "1 2",
  },
  {
    name: "a transfer was deleted",
    sql: ["DELETE FROM ledger_transfer WHERE kind = 'release' AND group_id = 'req_1'"],
    laws: "2 4",
  },
  {
    name: "a transfer names an account that is none",
    sql: [`${TRANSFER} ('x', 'x', 'k', 'token', 'system/issue_admin', 'cus_9/token', 5, '', '', 0, 0)`],
    laws: "1 2",
  },
  {
    name: "a request was charged for a second time",
    sql: [
      `${TRANSFER} ('x', 'req_1', 'settle', 'token', 'cus_1/token', 'system/revenue_usage', 5, '', '', 0, 0)`,
      "UPDATE ledger_account SET balance_nanos = balance_nanos - 5 WHERE id = 'cus_1/token'",
    ],
    laws: "4",
  },
  {
    name: "money is held for a request that does not exist",
    sql: [
      `${TRANSFER} ('x', 'req_9', 'hold', 'token', 'cus_1/token', 'cus_1/token_held', 5, '', '', 0, 0)`,
      "UPDATE ledger_account SET balance_nanos = balance_nanos - 5 WHERE id = 'cus_1/token'",
      "UPDATE ledger_account SET balance_nanos = balance_nanos + 5 WHERE id = 'cus_1/token_held'",
    ],
    laws: "4",
  },
  {
    name: "a receipt says less than was charged",
    sql: [`${SETTLED} charged_nanos = 1, cost_nanos = 1 WHERE id = 'req_1'`],
    laws: "4",
  },
  { name: "a receipt hides a loss", sql: [`${SETTLED} loss_nanos = 7 WHERE id = 'req_1'`], laws: "4" },
  {
    name: "a released request has a price",
    sql: [`${SETTLED} cost_nanos = 7 WHERE id = 'req_2'`],
    laws: "4",
  },
  {
    name: "an open request says it holds more",
    sql: [`${SETTLED} held_nanos = 2001 WHERE id = 'req_3'`],
    laws: "4",
  },
  {
    name: "an open request was marked as settled",
    sql: [
      `${SETTLED} state = 'settled', held_nanos = 0, cost_nanos = 0, charged_nanos = 0, loss_nanos = 0,
       ended_at = 0 WHERE id = 'req_3'`,
    ],
    laws: "4",
  },
  {
    name: "an ended request was opened again",
    sql: [`${SETTLED} state = 'open', held_nanos = 2000 WHERE id = 'req_1'`],
    laws: "4",
  },
]

describe("verify-ledger", () => {
  test("honest books break no law, whether empty or full", async () => {
    expect(await brokenLaws(await openTestWallet())).toBe("")
    expect(await brokenLaws(await openBooks())).toBe("")
  })

  test.each(DAMAGE)("is found: $name", async ({ sql, laws }) => {
    const wallet = await openBooks()
    await wallet.damage(...sql)
    expect(await brokenLaws(wallet)).toBe(laws)
  })

  test("a finding says where to look", async () => {
    const wallet = await openBooks()
    await wallet.damage(
      "UPDATE ledger_account SET balance_nanos = -1 WHERE id = 'cus_1/token'",
      `${SETTLED} charged_nanos = 1, cost_nanos = 1 WHERE id = 'req_1'`,
    )
    const findings = await wallet.findings()
    expect(findings.map(finding => finding.replace(/\{.*\}/, "…"))).toEqual([
      "1: the token ledger adds up to -96501 nano-USD",
      "2: cus_1/token: cached -1, transfers say 96500",
      "3: cus_1/token stands at -1",
      "4: request does not add up: …",
      "4: req_1: booked 1, priced 1500",
    ])
  })

  test("sums beyond what a number holds are still exact", async () => {
    const wallet = await openTestWallet()
    for (let customer = 2; customer <= 4; customer++) {
      await wallet.addCustomer(`cus_${customer}`)
      await wallet.damage(
        `UPDATE ledger_account SET balance_nanos = 9000000000000000 WHERE id = 'cus_${customer}/token'`,
      )
    }
    await wallet.damage("UPDATE ledger_account SET balance_nanos = 1 WHERE id = 'cus_1/token'")
    const [first] = await wallet.findings()
    expect(first).toBe("1: the token ledger adds up to 27000000000000001 nano-USD")
  })

  test("no more than 20 findings of a law are listed", async () => {
    const wallet = await openTestWallet()
    for (let customer = 10; customer < 35; customer++) await wallet.addCustomer(`cus_${customer}`)
    await wallet.damage("UPDATE ledger_account SET balance_nanos = -5 WHERE kind = 'cash'")
    const laws = await verifyLedger(wallet.store.read)
    expect(laws.map(({ findings }) => findings.length)).toEqual([1, 20, 20, 0])
  })
})
