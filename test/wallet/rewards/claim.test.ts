/** Claims: what is written with one, that nothing of it is written alone, and that gifts never become money. */
import { describe, expect, test } from "bun:test"
import { CUSTOMER_ACCOUNTS, SYSTEM_ACCOUNTS } from "../../../src/wallet/ledger/chart.ts"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { type Claim, REWARD_ACCOUNTS, writeClaim } from "../../../src/wallet/rewards/claim.ts"
import { openRewardStage } from "../../support/rewards.ts"
import { transferOf } from "../../support/wallet.ts"

const claimOf = (claim: Partial<Claim> = {}): Claim => ({
  id: "share:cus_1",
  customer_id: "cus_1",
  rule: "share",
  slot: "",
  device_hash: null,
  card_fingerprint: null,
  mailbox_hash: null,
  proof: null,
  amount_nanos: 5_000 as Nanos,
  ref: "a post",
  ...claim,
})

async function open() {
  const stage = await openRewardStage()
  return { ...stage, write: (claim: Claim) => stage.store.tx(q => writeClaim(q, stage.needs, claim)) }
}

describe("a claim", () => {
  test("is a row, a transfer by the same id, a message and an event", async () => {
    const stage = await open()
    const known = { device_hash: "d", card_fingerprint: "c", mailbox_hash: "m", proof: "p" }
    await stage.write(claimOf(known))
    expect(await stage.store.read.all("SELECT * FROM reward_claim")).toEqual([
      {
        ...claimOf(known),
        ref: undefined,
        created_at: stage.clock.now(),
      },
    ])
    expect(await stage.transfersOf("share:")).toEqual(["share:cus_1: system/issue_share > cus_1/token 5000"])
    expect(await stage.store.read.all("SELECT kind, key, subject FROM inbox_message")).toEqual([
      { kind: "reward", key: "reward:share:cus_1", subject: "Share credit: $0.000005" },
    ])
    expect(stage.heard).toEqual([
      expect.stringMatching(/^notice-written cus_1 msg_\w+ reward$/),
      "reward-claimed cus_1 share:cus_1",
    ])
  })

  const refused = (name: string, second: Partial<Claim>, first: Partial<Claim> = {}) =>
    test(name, async () => {
      const stage = await open()
      await stage.write(claimOf(first))
      const again = stage.write(claimOf(second))
      await expect(again).rejects.toMatchObject({ reason: "conflict", detail: { code: "already_claimed" } })
      expect(await stage.transfersOf("share:")).toHaveLength(1)
      expect(await stage.store.read.all("SELECT id FROM inbox_message")).toHaveLength(1)
      expect(stage.heard).toHaveLength(2)
    })

  const other = { id: "share:cus_2", customer_id: "cus_2" }
  refused("is made once", {})
  refused(
    "is refused by the database with a device that was used",
    { ...other, device_hash: "d" },
    { device_hash: "d" },
  )
  refused(
    "is refused by the database with a card that was used",
    { ...other, card_fingerprint: "c" },
    { card_fingerprint: "c" },
  )
  refused(
    "is refused by the database with a mailbox that was used",
    { ...other, mailbox_hash: "m" },
    { mailbox_hash: "m" },
  )
  refused("is refused by the database with a proof that was used", { ...other, proof: "p" }, { proof: "p" })

  test("of a wallet that is full is refused, and leaves nothing", async () => {
    const stage = await open()
    await stage.fill()
    const full = stage.write(claimOf({ amount_nanos: 100_000_000_001 as Nanos }))
    await expect(full).rejects.toMatchObject({ reason: "conflict", detail: { code: "wallet_full" } })
    for (const table of ["reward_claim", "inbox_message"])
      expect(await stage.store.read.all(`SELECT 1 FROM ${table}`)).toEqual([])
    expect(stage.heard).toEqual([])
  })

  test("is kept as it is", async () => {
    const stage = await open()
    await stage.write(claimOf())
    const change = stage.store.tx(q => q.run("UPDATE reward_claim SET customer_id = 'cus_2'"))
    await expect(change).rejects.toThrow("a claim does not change")
  })
})

describe("credit that was given has no way to cash", () => {
  const cash_accounts = [
    ...Object.entries(CUSTOMER_ACCOUNTS).flatMap(([kind, ledger]) =>
      ledger === "cash" ? [`cus_1/${kind}`] : [],
    ),
    ...Object.entries(SYSTEM_ACCOUNTS).flatMap(([id, { ledger }]) => (ledger === "cash" ? [id] : [])),
  ]

  test("neither from where it is made nor from the wallet that holds it", async () => {
    const stage = await open()
    await stage.write(claimOf())
    const givers = [
      ...Object.values(REWARD_ACCOUNTS).map(({ from }) => from),
      "cus_1/token",
      "cus_1/token_held",
    ]
    for (const from of givers)
      for (const to of cash_accounts) {
        const posted = stage.post([transferOf({ id: `${from} ${to}`, from, to, amount_nanos: 1 as Nanos })])
        await expect(posted).rejects.toThrow("crosses ledgers")
      }
    expect(cash_accounts).toContain("cus_1/cash")
    expect(cash_accounts).toContain("system/stripe")
  })

  test("and a refund gives back no more money than the purchase had brought", async () => {
    const stage = await open()
    await stage.write(claimOf({ amount_nanos: 200_000_000_000 as Nanos }))
    const purchase_id = await stage.buy({ customer_id: "cus_1", price_cents: 1_000 })
    await stage.reverse(purchase_id, 1_000)
    const { token, cash } = await stage.balancesOf()
    expect([token, cash] as number[]).toEqual([200_000_000_000, 0])
    const sent = "SELECT sum(amount_nanos) AS nanos FROM ledger_transfer WHERE to_account = 'system/stripe'"
    expect(await stage.store.read.get(sent)).toEqual({ nanos: 10_000_000_000 })
  })
})
