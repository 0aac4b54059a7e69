/** Tests of the seals' check: whatever was changed in a sealed day or in the chain is found and named. */
import { describe, expect, test } from "bun:test"
import { createEvents } from "../../../src/platform/events.ts"
import { sealLedger } from "../../../src/wallet/books/seal.ts"
import { verifySeals } from "../../../src/wallet/books/verify-seals.ts"
import { openTestWallet, type TestWallet, transferOf } from "../../support/wallet.ts"

const DAY_MS = 86_400_000

/** Four sealed days, 2026-01-02 to 2026-01-05, with a transfer each: start, t1, t2, t3. */
async function openSealed(): Promise<TestWallet> {
  const wallet = await openTestWallet(100)
  for (const id of ["t1", "t2", "t3"]) {
    wallet.clock.advance(DAY_MS)
    await wallet.post([transferOf({ id, group_id: id })])
  }
  wallet.clock.advance(2 * DAY_MS)
  await sealLedger({ store: wallet.store, clock: wallet.clock, events: createEvents() })
  return wallet
}

const CHANGED = (day: string) => `${day} is not what was sealed: one of its transfers or a seal was changed`
const COLUMNS = [
  ["group_id", "'other'"],
  ["kind", "'other'"],
  ["from_account", "'system/issue_bonus'"],
  ["to_account", "'cus_2/token'"],
  ["amount_nanos", "2"],
  ["ref", "'other'"],
  ["actor", "'other'"],
  ["event_at", "1"],
  ["created_at", "created_at + 1"],
  ["id", "'t11'"],
] as const

const DAMAGE: { name: string; sql: string; findings: string[] }[] = [
  {
    name: "a transfer was deleted",
    sql: "DELETE FROM ledger_transfer WHERE id = 't1'",
    findings: ["2026-01-03 was sealed with 1 transfers and has 0"],
  },
  {
    name: "a transfer was moved to another day",
    sql: `UPDATE ledger_transfer SET created_at = created_at + ${DAY_MS} WHERE id = 't1'`,
    findings: [
      "2026-01-03 was sealed with 1 transfers and has 0",
      "2026-01-04 was sealed with 1 transfers and has 2",
    ],
  },
  {
    name: "a transfer was put before the first seal",
    sql: `INSERT INTO ledger_transfer SELECT 'early', group_id, kind, ledger, from_account, to_account, 1, '', '', 0, 5
      FROM ledger_transfer WHERE id = 't1'`,
    findings: ["2026-01-02 was sealed with 1 transfers and has 2"],
  },
  {
    name: "a seal's hash was changed, so that the next one does not follow either",
    sql: `UPDATE ledger_seal SET hash = '${"f".repeat(64)}' WHERE day = '2026-01-03'`,
    findings: [CHANGED("2026-01-03"), CHANGED("2026-01-04")],
  },
  {
    name: "a seal was deleted",
    sql: "DELETE FROM ledger_seal WHERE day = '2026-01-04'",
    findings: ["the seal of 2026-01-04 is missing", CHANGED("2026-01-05")],
  },
  {
    name: "the first seal was deleted",
    sql: "DELETE FROM ledger_seal WHERE day = '2026-01-02'",
    findings: ["2026-01-03 was sealed with 1 transfers and has 2"],
  },
  {
    name: "a seal says that it ends elsewhere",
    sql: "UPDATE ledger_seal SET sealed_until = sealed_until + 1 WHERE day = '2026-01-05'",
    findings: ["the seal of 2026-01-05 ends at 1767657600001, which is not the end of its day"],
  },
]

describe("sealed days", () => {
  test("that were left alone are as they were sealed", async () => {
    const wallet = await openSealed()
    expect(await verifySeals(wallet.store.read)).toEqual({
      law: "6 sealed days are as they were sealed",
      findings: [],
    })
  })

  test.each(COLUMNS)("of which a transfer's %s was changed are found", async (column, value) => {
    const wallet = await openSealed()
    await wallet.damage(`UPDATE ledger_transfer SET ${column} = ${value} WHERE id = 't1'`)
    expect((await verifySeals(wallet.store.read)).findings).toEqual([CHANGED("2026-01-03")])
  })

  test.each(DAMAGE)("are found when $name", async ({ sql, findings }) => {
    const wallet = await openSealed()
    await wallet.damage(sql)
    const report = await verifySeals(wallet.store.read)
    for (const finding of findings) expect(report.findings).toContain(finding)
  })

  test("no more than 20 findings are listed", async () => {
    const wallet = await openSealed()
    wallet.clock.advance(30 * DAY_MS)
    await sealLedger({ store: wallet.store, clock: wallet.clock, events: createEvents() })
    await wallet.damage(`UPDATE ledger_seal SET hash = '${"f".repeat(64)}'`)
    expect((await verifySeals(wallet.store.read)).findings).toHaveLength(20)
  })
})
