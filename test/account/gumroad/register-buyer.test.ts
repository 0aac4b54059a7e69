/** Registering a buyer: account and credit together or neither, once for a sale, whatever is repeated or goes wrong. */
import { describe, expect, test } from "bun:test"
import { registerBuyer } from "../../../src/account/gumroad/register-buyer.ts"
import { setRule } from "../../../src/wallet/offers/rules.ts"
import { getReferralCode } from "../../../src/wallet/rewards/referral.ts"
import { openTestApp, readBooks } from "../../support/app.ts"
import { openGumroad, PRODUCT_ID } from "../../support/gumroad.ts"

const password = "canary-password-1"

async function open(product_id = PRODUCT_ID) {
  const gumroad = openGumroad()
  const test_app = await openTestApp({ env: { GUMROAD_BASE_URL: gumroad.base_url } })
  const { app } = test_app
  app.fetch = fetch
  await app.store.tx(q => setRule(q, 0, "gumroad", { product_id }))
  let buyer_count = 0
  const register = (licence_key: string, more: { email?: string; referral_code?: string } = {}) =>
    registerBuyer(app, { email: `buyer${++buyer_count}@example.com`, password, licence_key, ...more })
  async function close(): Promise<void> {
    await gumroad[Symbol.asyncDispose]()
    await test_app.close()
  }
  return {
    ...test_app,
    gumroad,
    register,
    set: (patch: object) => app.store.tx(q => setRule(q, 0, "gumroad", patch)),
    counts: async () => {
      const tables = ["customer", "api_key", "reward_claim", "ledger_transfer", "inbox_message"]
      return Promise.all(
        tables.map(async table => (await app.store.read.all(`SELECT 1 FROM ${table}`)).length),
      )
    },
    [Symbol.asyncDispose]: close,
  }
}

describe("a buyer", () => {
  test("gets an account with the credit of the rule, by the id of the sale", async () => {
    await using stage = await open()
    await stage.set({ amount_usd: "150.00" })
    const { customer, credit_nanos } = await stage.register(` ${stage.gumroad.sell()} `)
    expect(credit_nanos as number).toBe(150_000_000_000)
    expect((await readBooks(stage, customer)).free_nanos).toBe(150_000_000_000)
    expect(await stage.app.store.read.all("SELECT id, from_account, ref FROM ledger_transfer")).toEqual([
      {
        id: "gumroad:FO8TXN-dbxYaBdahG97Y-1==",
        from_account: "system/issue_gumroad",
        ref: `licence of ${PRODUCT_ID}`,
      },
    ])
  })

  test("has nothing of the licence key stored or logged but a keyed hash", async () => {
    await using stage = await open()
    const key = stage.gumroad.sell()
    await stage.register(key)
    const stored = await Promise.all(
      ["reward_claim", "ledger_transfer", "inbox_message"].map(table =>
        stage.app.store.read.all(`SELECT * FROM ${table}`),
      ),
    )
    expect(JSON.stringify(stored) + stage.logs.join("") + JSON.stringify(stage.events)).not.toContain(key)
    expect(stored[0]).toMatchObject([{ proof: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  })

  test("may have been brought by another customer", async () => {
    await using stage = await open()
    const referrer = await stage.createCustomer()
    const referral_code = await getReferralCode(stage.app, referrer.id)
    const { customer } = await stage.register(stage.gumroad.sell(), { referral_code })
    expect(await stage.app.store.read.all("SELECT customer_id, referrer_id FROM referral")).toEqual([
      { customer_id: customer.id, referrer_id: referrer.id },
    ])
  })

  test("who bought twice has two accounts, each with its credit", async () => {
    await using stage = await open()
    await stage.register(stage.gumroad.sell())
    await stage.register(stage.gumroad.sell())
    expect((await stage.counts()).slice(0, 4)).toEqual([2, 2, 2, 2])
  })
})

describe("nothing at all is written", () => {
  const USED = { reason: "conflict", detail: { code: "already_claimed", field: "licenseKey" } }

  test("for a licence that was used, and Gumroad is not even asked", async () => {
    await using stage = await open()
    const key = stage.gumroad.sell()
    await stage.register(key)
    const before = await stage.counts()
    await expect(stage.register(key)).rejects.toMatchObject(USED)
    await expect(stage.register(` ${key}`)).rejects.toMatchObject(USED)
    expect(stage.gumroad.asked).toHaveLength(1)
    expect(await stage.counts()).toEqual(before)
  })

  test("for a sale that was used, by whichever of its licences", async () => {
    await using stage = await open()
    await stage.register(stage.gumroad.sell({ sale_id: "one-sale" }))
    const before = await stage.counts()
    await expect(stage.register(stage.gumroad.sell({ sale_id: "one-sale" }))).rejects.toMatchObject(USED)
    expect(await stage.counts()).toEqual(before)
  })

  test("when the address has an account, and the licence stays good for another", async () => {
    await using stage = await open()
    const { email } = await stage.createCustomer({ credit_usd: "0" })
    const before = await stage.counts()
    const key = stage.gumroad.sell()
    await expect(stage.register(key, { email })).rejects.toMatchObject({ detail: { code: "email_taken" } })
    expect(await stage.counts()).toEqual(before)
    await stage.register(key)
  })

  test("when the referral code is nobody's, the sale fell, or Gumroad is silent", async () => {
    await using stage = await open()
    const key = stage.gumroad.sell()
    await expect(stage.register(key, { referral_code: "N0B0DY0000" })).rejects.toMatchObject({
      detail: { code: "unknown_referral_code" },
    })
    await expect(stage.register(stage.gumroad.sell({ refunded: true }))).rejects.toMatchObject({
      detail: { code: "licence_refunded" },
    })
    stage.gumroad.turn("status-500")
    await expect(stage.register(key)).rejects.toMatchObject({ detail: { code: "gumroad_unavailable" } })
    expect(await stage.counts()).toEqual([0, 0, 0, 0, 0])
    expect(stage.events).toEqual([])
  })

  test("while the operator offers no product, or has closed it", async () => {
    await using stage = await open("")
    const key = stage.gumroad.sell()
    const closed = { reason: "forbidden", detail: { code: "not_offered" } }
    await expect(stage.register(key)).rejects.toMatchObject(closed)
    await stage.set({ product_id: PRODUCT_ID, is_enabled: false })
    await expect(stage.register(key)).rejects.toMatchObject(closed)
    expect(stage.gumroad.asked).toEqual([])
    expect(await stage.counts()).toEqual([0, 0, 0, 0, 0])
  })
})
