/** Every other door of the wallet, on the executable: cash, plan payments, codes, rewards, Gumroad, VIP. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { openGumroad, PRODUCT_ID } from "../support/gumroad.ts"
import { fillIn, type MoneyStage, openMoneyStage } from "../support/money-stage.ts"

setDefaultTimeout(60_000)

interface Bought {
  purchase: { state: string; bonusUsd: string }
  wallet: { balanceUsd: string }
  cashWallet: { balanceUsd: string }
}

const openDoors = async ({ server }: MoneyStage) => {
  const rule = (name: string, patch: object) =>
    server.admin("rule", "set", "--name", name, "--patch", JSON.stringify(patch))
  await rule("anti-abuse", { min_account_age_hours: 0, requires_verified_email: "never" })
  await rule("gumroad", { product_id: PRODUCT_ID })
}

test("cash is loaded and spent, with a code; a plan payment is redeemed once; VIP days count", async () => {
  await using stage = await openMoneyStage([])
  const { call, server } = stage
  const token = await stage.register("cash@example.com")
  const { url, sessionId } = await call<{ url: string; sessionId: string }>(
    "/api/v1/cash-wallet/stripe/checkout",
    token,
    { amountUsd: "50.00" },
  )
  await fillIn(url, { action: "pay", card: "pays" })
  const loaded = await call<Bought>("/api/v1/cash-wallet/stripe/confirm", token, { sessionId })
  expect(loaded.cashWallet.balanceUsd).toBe("50.00")

  const { code } = await server.admin("code", "create", "--percent", "20")
  const preview = await call<{ package: { bonusUsd: string } }>("/api/v1/wallet/topup-discount", token, {
    code,
    packageId: "standard",
  })
  expect(preview.package.bonusUsd).toBe("2.00")
  const bought = await call<Bought>("/api/v1/cash-wallet/token-purchase", token, {
    packageId: "standard",
    code,
  })
  expect([bought.wallet.balanceUsd, bought.cashWallet.balanceUsd]).toEqual(["12.00", "40.00"])

  const order = ["--customer", "cash@example.com", "--package", "vip-30", "--reference", "INV-7"]
  await server.admin("plan-payment", "record", ...order)
  const redeem = () => call<Bought>("/api/v1/wallet/top-up", token, { reference: "INV-7" })
  expect((await redeem()).purchase.state).toBe("paid")
  await expect(redeem()).rejects.toThrow("already_redeemed")
  expect(await call<object>("/api/v1/vip", token)).toMatchObject({ isVip: true })
  expect(await server.verifyLedger()).toMatchObject({ ok: true })
})

test("each reward is given once and says when it comes again", async () => {
  await using gumroad = openGumroad()
  await using stage = await openMoneyStage([], { GUMROAD_BASE_URL: gumroad.base_url })
  const { call, server } = stage
  await openDoors(stage)
  const token = await stage.register("ada@example.com")
  const claim = async (path: string, body: object) => {
    await call(`/api/v1${path}`, token, body)
    await expect(call(`/api/v1${path}`, token, body)).rejects.toThrow(/answered 4\d\d/)
  }
  expect(await call<object>("/api/v1/daily-checkin", token)).toMatchObject({ hasClaimed: false })
  await claim("/daily-checkin/claim", {})
  expect(await call<object>("/api/v1/daily-checkin", token)).toMatchObject({ hasClaimed: true })
  expect(await call<object>("/api/v1/share-credit", token)).toMatchObject({ amountUsd: "1.00" })
  await claim("/share-credit/claim", { postUrl: "https://x.com/ada/status/1234567890" })
  const discount = () =>
    call<{ code: string; isNew: boolean }>("/api/v1/wallet/topupemail-session-discount", token, {})
  const [first, second] = [await discount(), await discount()]
  expect([first.isNew, second.isNew, second.code]).toEqual([true, false, first.code])

  const { code: referralCode } = await call<{ code: string }>("/api/v1/referral", token)
  const licence = { email: "buyer@example.com", password: "a long password", licenseKey: gumroad.sell() }
  const buyer = { ...licence, referralCode }
  expect(await call<object>("/api/v1/gumroad/register", "", buyer)).toMatchObject({ creditUsd: "200.00" })
  const again = { ...buyer, email: "other@example.com" }
  await expect(call("/api/v1/gumroad/register", "", again)).rejects.toThrow("already_claimed")
  expect(await call<object>("/api/v1/referral", token)).toMatchObject({ broughtCustomers: 1 })
  expect(await server.verifyLedger()).toMatchObject({ ok: true })
})
