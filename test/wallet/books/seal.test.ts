/** Tests of sealing: finished days only, once, in a chain, and every change of what was sealed shows. */
import { describe, expect, test } from "bun:test"
import { createEvents } from "../../../src/platform/events.ts"
import { listSeals, sealLedger } from "../../../src/wallet/books/seal.ts"
import { FIRST_SEAL } from "../../../src/wallet/books/seal-day.ts"
import { verifySeals } from "../../../src/wallet/books/verify-seals.ts"
import { openTestWallet, type TestWallet, transferOf } from "../../support/wallet.ts"

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

interface Scene {
  wallet: TestWallet
  heard: string[]
  seal(): Promise<string[]>
  findings(): Promise<string[]>
}

/** A transfer on each of three days from the day of START_AT on (2026-01-02), the last of which is not over. */
async function openScene(): Promise<Scene> {
  const wallet = await openTestWallet(100)
  const heard: string[] = []
  const events = createEvents()
  events.listen(({ name, data }) => heard.push(`${name} ${Object.values(data).join(" ")}`))
  const needs = { store: wallet.store, clock: wallet.clock, events }
  for (const id of ["second", "third"]) {
    wallet.clock.advance(DAY_MS)
    await wallet.post([transferOf({ id, group_id: id })])
  }
  return {
    wallet,
    heard,
    seal: async () => (await sealLedger(needs)).map(({ day, transfer_count }) => `${day} ${transfer_count}`),
    findings: async () => (await verifySeals(wallet.store.read)).findings,
  }
}

const toMidnight = ({ wallet }: Scene, and_ms: number) =>
  wallet.clock.advance(DAY_MS - (wallet.clock.now() % DAY_MS) + and_ms)

describe("sealing the ledger", () => {
  test("closes each day that is over, from the first transfer's on, and tells so", async () => {
    const scene = await openScene()
    expect(await scene.seal()).toEqual(["2026-01-02 1", "2026-01-03 1"])
    expect(scene.heard).toEqual(["ledger-sealed 2026-01-02", "ledger-sealed 2026-01-03"])
    expect(await scene.findings()).toEqual([])
  })

  test("a repeat does nothing, also 50 at once", async () => {
    const scene = await openScene()
    const results = await Promise.all(Array.from({ length: 50 }, scene.seal))
    expect(results.flat()).toEqual(["2026-01-02 1", "2026-01-03 1"])
    expect(await scene.seal()).toEqual([])
    expect(scene.heard).toHaveLength(2)
  })

  test("waits for an hour after midnight: what was begun before may be written after it", async () => {
    const scene = await openScene()
    await scene.seal()
    toMidnight(scene, HOUR_MS - 1)
    expect(await scene.seal()).toEqual([])
    scene.wallet.clock.advance(1)
    expect(await scene.seal()).toEqual(["2026-01-04 1"])
  })

  test("seals days without transfers too, so that none can be put there later", async () => {
    const scene = await openScene()
    scene.wallet.clock.advance(3 * DAY_MS)
    expect((await scene.seal()).slice(2)).toEqual(["2026-01-04 1", "2026-01-05 0", "2026-01-06 0"])
    expect(await scene.findings()).toEqual([])
    await scene.wallet.damage(
      `INSERT INTO ledger_transfer SELECT 'late', 'late', kind, ledger, from_account, to_account, 1, '', '', 0,
         ${Date.UTC(2026, 0, 5)} FROM ledger_transfer LIMIT 1`,
    )
    expect(await scene.findings()).toEqual(["2026-01-05 was sealed with 0 transfers and has 1"])
  })

  test("an empty ledger has nothing to seal", async () => {
    const { store, clock } = await openTestWallet()
    expect(await sealLedger({ store, clock, events: createEvents() })).toEqual([])
    expect(await verifySeals(store.read)).toMatchObject({ findings: [] })
  })

  test("each seal is made over the one before, the day and its transfers, as anyone can compute", async () => {
    const scene = await openScene()
    await scene.seal()
    const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex")
    const line = (id: string, group_id: string, at: number, nanos: number) =>
      `${JSON.stringify([id, group_id, "admin_credit", "token", "system/issue_admin", "cus_1/token", nanos, "", "system", 0, at])}\n`
    const at = Date.UTC(2026, 0, 2, 3, 4, 5)
    const first = sha256(`${FIRST_SEAL}\n2026-01-02\n1\n${sha256(line("start", "g1", at, 100))}`)
    const second = sha256(`${first}\n2026-01-03\n1\n${sha256(line("second", "second", at + DAY_MS, 1))}`)
    const seals = await listSeals(scene.wallet.store.read, 10)
    expect(seals.map(({ day, hash }) => [day, hash])).toEqual([
      ["2026-01-03", second],
      ["2026-01-02", first],
    ])
  })

  test("does not change with what comes later", async () => {
    const scene = await openScene()
    await scene.seal()
    await scene.wallet.post([transferOf({ id: "a-later-one" })])
    expect(await scene.findings()).toEqual([])
  })

  test("the schema itself keeps seals as they are", async () => {
    const scene = await openScene()
    await scene.seal()
    for (const sql of ["UPDATE ledger_seal SET transfer_count = 9", "DELETE FROM ledger_seal"])
      await expect(scene.wallet.store.tx(q => q.run(sql))).rejects.toThrow(/seal/)
  })
})
