/** Anti-abuse: each reason why a reward is refused, that it says what to do, and that it ends when that is done. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  type AbuseNeeds,
  assertMayClaim,
  type Claimant,
  findOwnCard,
  hashDevice,
  hashOwnMailbox,
  listObstacles,
  needsTurnstile,
} from "../../../src/wallet/rewards/anti-abuse.ts"
import { writeClaim } from "../../../src/wallet/rewards/claim.ts"
import { openRewardStage } from "../../support/rewards.ts"

const MAIL = { smtp_url: "smtp://127.0.0.1:1", from: "a@b.example" }
const HOUR_MS = 3_600_000

async function open() {
  const stage = await openRewardStage(3)
  const { store, needs } = stage
  const claimant = (claimant: Partial<Claimant> = {}): Claimant => ({
    customer_id: "cus_1",
    rule: "share",
    slot: "",
    device_hash: null,
    ...claimant,
  })
  return {
    ...stage,
    claimant,
    /** The codes of all reasons against a claim. */
    async reasons(
      who: Partial<Claimant> = {},
      more: Partial<AbuseNeeds["config"]> = {},
      has_upstream = false,
    ) {
      const config = { ...needs.config, ...more }
      const catalog = { hasUpstream: () => has_upstream }
      const found = await listObstacles(store.read, { ...needs, config, catalog }, claimant(who))
      // Each reason is a sentence about the case and another about what to do.
      for (const { message } of found) expect(message).toMatch(/^[A-Z].+[:,] .+\.$/)
      return found.map(({ code }) => code)
    },
    claim: (customer_id: string, known: { device_hash?: string; card?: string; slot?: string } = {}) =>
      store.tx(async q =>
        writeClaim(q, needs, {
          id: `claim of ${customer_id} ${known.slot ?? ""}`,
          customer_id,
          rule: "share",
          slot: known.slot ?? "",
          device_hash: known.device_hash ?? null,
          card_fingerprint: known.card ?? null,
          mailbox_hash: await hashOwnMailbox(q, needs, customer_id),
          proof: null,
          amount_nanos: 1 as Nanos,
          ref: "",
        }),
      ),
    sql: (statement: string) => store.tx(q => q.run(statement)),
  }
}

test("nothing stands against a customer who is old enough and alone", async () => {
  const stage = await open()
  expect(await stage.reasons({ device_hash: "d" })).toEqual([])
})

describe("the age of the account", () => {
  test("counts to the millisecond, by the rule as it is now", async () => {
    const stage = await open()
    await stage.sql(`UPDATE customer SET created_at = ${stage.clock.now()} WHERE id = 'cus_1'`)
    stage.clock.advance(24 * HOUR_MS - 1)
    expect(await stage.reasons()).toEqual(["account_too_new"])
    stage.clock.advance(1)
    expect(await stage.reasons()).toEqual([])
    await stage.set("anti-abuse", { min_account_age_hours: 25 })
    expect(await stage.reasons()).toEqual(["account_too_new"])
    await stage.set("anti-abuse", { min_account_age_hours: 0 })
    expect(await stage.reasons()).toEqual([])
  })
})

describe("a proven e-mail address", () => {
  test("is asked for where mail works, unless the operator says otherwise", async () => {
    const stage = await open()
    expect(await stage.reasons({}, { mail: MAIL })).toEqual(["email_not_verified"])
    await stage.set("anti-abuse", { requires_verified_email: "never" })
    expect(await stage.reasons({}, { mail: MAIL })).toEqual([])
    await stage.set("anti-abuse", { requires_verified_email: "always" })
    expect(await stage.reasons()).toEqual(["email_not_verified"])
    await stage.sql("UPDATE customer SET email_verified_at = 1 WHERE id = 'cus_1'")
    expect(await stage.reasons({}, { mail: MAIL })).toEqual([])
  })
})

describe("while real models are served and neither mail nor Turnstile is configured", () => {
  const TURNSTILE = { secret_key: "s", base_url: "https://t.example" }
  const unguarded = (more: Partial<AbuseNeeds["config"]> = {}, has_upstream = true) =>
    open().then(async stage => ({ ...stage, ask: () => stage.reasons({}, more, has_upstream) }))

  test("nothing is given, because made-up accounts would get real credit; either of them ends that", async () => {
    const stage = await unguarded()
    expect(await stage.ask()).toEqual(["not_offered"])
    expect(await stage.reasons({ rule: "check-in" }, {}, true)).toEqual(["not_offered"])
    expect(await stage.reasons({}, { turnstile: TURNSTILE }, true)).toEqual([])
    await stage.sql("UPDATE customer SET email_verified_at = 1 WHERE id = 'cus_1'")
    expect(await stage.reasons({}, { mail: MAIL }, true)).toEqual([])
    expect(await stage.ask()).toEqual(["not_offered"])
  })

  test("the operator may say that nobody needs an address, or that everybody does", async () => {
    const stage = await unguarded()
    await stage.set("anti-abuse", { requires_verified_email: "never" })
    expect(await stage.ask()).toEqual([])
    await stage.set("anti-abuse", { requires_verified_email: "always" })
    expect(await stage.ask()).toEqual(["email_not_verified"])
  })

  test("on the demo alone everything is given", async () => {
    const stage = await unguarded({}, false)
    expect(await stage.ask()).toEqual([])
  })
})

describe("a mailbox", () => {
  const setEmail = (stage: Awaited<ReturnType<typeof open>>, id: string, email: string) =>
    stage.sql(`UPDATE customer SET email = '${email}' WHERE id = '${id}'`)

  test("claims a reward for one account, in each slot anew, however its address is written", async () => {
    const stage = await open()
    await setEmail(stage, "cus_1", "a.da+1@gmail.com")
    await setEmail(stage, "cus_2", "ada@googlemail.com")
    await setEmail(stage, "cus_3", "ada@gmail.example")
    await stage.claim("cus_2")
    expect(await stage.reasons()).toEqual(["mailbox_used"])
    expect(await stage.reasons({ slot: "2026-01-02" })).toEqual([])
    expect(await stage.reasons({ rule: "check-in" })).toEqual([])
    expect(await stage.reasons({ customer_id: "cus_3" })).toEqual([])
    // What one has claimed oneself is another refusal.
    expect(await stage.reasons({ customer_id: "cus_2" })).toEqual([])
  })

  test("that claimed has claimed, though its account has another address since", async () => {
    const stage = await open()
    await setEmail(stage, "cus_2", "ada@gmail.com")
    await stage.claim("cus_2")
    await setEmail(stage, "cus_2", "bob@example.com")
    await setEmail(stage, "cus_1", "ada@gmail.com")
    expect(await stage.reasons()).toEqual(["mailbox_used"])
  })

  test("is kept as a keyed hash", async () => {
    const { needs, store } = await open()
    const hash = await hashOwnMailbox(store.read, needs, "cus_1")
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(hash).not.toBe(await hashOwnMailbox(store.read, needs, "cus_2"))
  })
})

describe("a device", () => {
  test("claims a reward for one account, in each slot anew, and never for nobody", async () => {
    const stage = await open()
    await stage.claim("cus_2", { device_hash: "d" })
    await stage.claim("cus_3")
    expect(await stage.reasons({ device_hash: "d" })).toEqual(["device_used"])
    expect(await stage.reasons({ device_hash: "e" })).toEqual([])
    expect(await stage.reasons({ device_hash: null })).toEqual([])
    expect(await stage.reasons({ device_hash: "d", slot: "2026-01-02" })).toEqual([])
    expect(await stage.reasons({ device_hash: "d", rule: "check-in" })).toEqual([])
    // What one has claimed oneself is another refusal.
    expect(await stage.reasons({ customer_id: "cus_2", device_hash: "d" })).toEqual([])
  })

  test("is kept as a keyed hash", async () => {
    const { needs } = await open()
    expect(hashDevice(needs, "device-1")).toMatch(/^[0-9a-f]{64}$/)
    expect(hashDevice(needs, "device-1")).not.toBe(hashDevice(needs, "device-2"))
    expect(hashDevice(needs, undefined)).toBeNull()
  })
})

describe("a card", () => {
  const save = (customer_id: string, card: string) =>
    `INSERT INTO saved_card VALUES ('${customer_id}', 'pm_${customer_id}', '${card}', 'visa', '4242', 0, 0)`

  test("that paid for two accounts claims for one of them, whatever was known when they claimed", async () => {
    const stage = await open()
    await stage.claim("cus_2")
    await stage.buy({ customer_id: "cus_2", card: "card_1" })
    await stage.buy({ customer_id: "cus_1", card: "card_2" })
    expect(await stage.reasons()).toEqual([])
    await stage.buy({ customer_id: "cus_1", card: "card_1" })
    expect(await stage.reasons()).toEqual(["card_used"])
    expect(await stage.reasons({ rule: "check-in" })).toEqual([])
  })

  test("that is saved for auto-topup counts, and one that a claim was made with, though it is replaced since", async () => {
    const stage = await open()
    await stage.sql(save("cus_1", "card_1"))
    await stage.claim("cus_2", { card: "card_1" })
    expect(await stage.reasons()).toEqual(["card_used"])
    expect(await stage.reasons({ slot: "2026-01-02" })).toEqual([])
  })

  test("of a customer is the saved one, else the one that paid last", async () => {
    const stage = await open()
    const find = () => findOwnCard(stage.store.read, "cus_1")
    expect(await find()).toBeNull()
    await stage.buy({ customer_id: "cus_1", card: "card_1" })
    await stage.buy({ customer_id: "cus_1", card: null })
    stage.clock.advance(1)
    await stage.buy({ customer_id: "cus_1", card: "card_2" })
    expect(await find()).toBe("card_2")
    await stage.sql(save("cus_1", "card_3"))
    expect(await find()).toBe("card_3")
  })
})

test("all reasons are told at once, the first of them in words", async () => {
  const stage = await open()
  await stage.claim("cus_2", { device_hash: "d" })
  await stage.set("share", { is_enabled: false })
  await stage.set("anti-abuse", { requires_verified_email: "always" })
  await stage.sql(`UPDATE customer SET created_at = ${stage.clock.now()} WHERE id = 'cus_1'`)
  const codes = ["not_offered", "account_too_new", "email_not_verified", "device_used"]
  expect(await stage.reasons({ device_hash: "d" })).toEqual(codes)
  const refused = assertMayClaim(stage.store.read, stage.needs, stage.claimant({ device_hash: "d" }))
  await expect(refused).rejects.toMatchObject({
    reason: "forbidden",
    message: "This reward is not offered at present: look again another time.",
    detail: { code: "not_offered", extra: { reasons: codes.map(code => ({ code })) } },
  })
})

test("Turnstile is asked for where it is configured and the rule wants it", async () => {
  const { store, set } = await open()
  const config = { turnstile: { secret_key: "s", base_url: "https://t.example" } }
  expect(await needsTurnstile(store.read, { config: { turnstile: undefined } })).toBe(false)
  expect(await needsTurnstile(store.read, { config })).toBe(true)
  await set("anti-abuse", { requires_turnstile: false })
  expect(await needsTurnstile(store.read, { config })).toBe(false)
})
