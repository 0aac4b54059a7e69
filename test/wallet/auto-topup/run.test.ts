/** Automatic top-ups at work: charged once for each claim, whatever is lost on the way; declines, banks that insist. */
import { describe, expect, test } from "bun:test"
import { claimJob } from "../../../src/wallet/auto-topup/jobs.ts"
import { runAutoTopup } from "../../../src/wallet/auto-topup/run.ts"
import { createStripeAccount } from "../../../src/wallet/stripe/account.ts"
import { readWallets, takeEvents } from "../../support/payments.ts"
import {
  listCharges,
  listJobs,
  listNotices,
  MINUTE_MS,
  openTopup,
  PATH,
  readSettings,
  saveCard,
} from "./scene.ts"

const INTENTS = { method: "POST", path: "/v1/payment_intents" } as const
const HOUR_MS = 3_600_000

describe("credit below the threshold", () => {
  test("is topped up from the saved card, with a receipt, once", async () => {
    await using scene = await openTopup()
    await scene.run()
    expect(takeEvents(scene)).toEqual([
      "purchase-opened",
      "notice-written",
      "purchase-paid",
      "credit-posted",
      "auto-topup-ended",
    ])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "11.00", cash: "0.00", debt: "0.00" })
    expect(await listJobs(scene)).toMatchObject([
      { state: "paid", failure: null, ended_at: scene.clock.now() },
    ])
    await scene.control.deliverPending()
    await scene.run()
    expect(takeEvents(scene)).toEqual([])
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    const [intent] = scene.control.objects.intents.values()
    expect(intent).toMatchObject({
      metadata: { customer_id: scene.customer.id, job_id: expect.stringMatching(/^atj_/) },
    })
  })

  test("is charged once by fifty passes at once", async () => {
    await using scene = await openTopup()
    await Promise.all(Array.from({ length: 50 }, () => scene.run()))
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "11.00" })
  })

  test("at the threshold itself is enough", async () => {
    await using scene = await openTopup({ credit_usd: "5.00" })
    await scene.run()
    expect(await listJobs(scene)).toEqual([])
  })
})

describe("a claim is kept until it is known what became of the charge", () => {
  test("a crash before the call: the next start makes it, with the same key", async () => {
    await using scene = await openTopup()
    const { app } = scene
    const job = await app.store.tx(q => claimJob(q, app, { customer_id: scene.customer.id, is_live: false }))
    expect(job).toMatchObject({ state: "claimed" })
    scene.clock.advance(20 * MINUTE_MS)
    await scene.run()
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    const created = [...scene.control.objects.events.values()].find(
      one => one.type === "payment_intent.created",
    )
    expect(created?.request.idempotency_key).toBe(job!.id)
    expect(await listJobs(scene)).toMatchObject([{ id: job!.id, state: "paid" }])
  })

  test("an answer that is lost: asked again, charged once", async () => {
    await using scene = await openTopup()
    scene.control.faults.nextCall({ kind: "lose-answer" }, { ...INTENTS, count: 6 })
    await scene.run()
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
    expect(scene.logs.some(line => line.includes("an automatic top-up is undecided"))).toBe(true)
    expect(await listNotices(scene)).toEqual([])
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "11.00" })
  })

  test("its event is faster than its answer: the job ends, and Stripe is not asked again", async () => {
    await using scene = await openTopup()
    scene.control.faults.nextCall({ kind: "lose-answer" }, { ...INTENTS, count: 3 })
    await scene.run()
    await scene.control.deliverPending()
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "11.00" })
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
    scene.control.faults.someCalls(1, { kind: "refuse", status: 500 })
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
  })

  test("Stripe is down for hours: one claim, one charge, no second card failure", async () => {
    await using scene = await openTopup()
    scene.control.faults.someCalls(1, { kind: "refuse", status: 500 })
    for (let hour = 0; hour < 5; hour++) {
      await scene.run()
      scene.clock.advance(HOUR_MS)
    }
    scene.control.faults.clear()
    await scene.run()
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
  })

  test("the card changed after a call whose answer was lost: what that call did counts", async () => {
    for (const card of ["pays", "declined_later"] as const) {
      await using scene = await openTopup({ card })
      scene.control.faults.nextCall({ kind: "lose-answer" }, { ...INTENTS, count: 3 })
      await scene.run()
      const { setupUrl } = await scene.sendJson(PATH, { key: scene.customer.key, body: { newCard: true } })
      scene.clock.advance(1000)
      await saveCard(scene, String(setupUrl), "pays_mastercard")
      await scene.run()
      expect(await listJobs(scene)).toMatchObject([{ state: card === "pays" ? "paid" : "declined" }])
      expect(listCharges(scene)).toHaveLength(1)
    }
  })

  test("after a day the key is forgotten: the charge is looked for, never made again", async () => {
    await using scene = await openTopup()
    scene.control.faults.nextCall({ kind: "lose-answer" }, { ...INTENTS, count: 3 })
    await scene.run()
    scene.clock.advance(24 * HOUR_MS)
    await scene.run()
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "11.00" })
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
  })

  test("and one that was never taken is given up, which is told, and no failure of the card", async () => {
    await using scene = await openTopup()
    const { app } = scene
    await app.store.tx(q => claimJob(q, app, { customer_id: scene.customer.id, is_live: false }))
    scene.clock.advance(24 * HOUR_MS)
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "abandoned" }, { state: "paid" }])
    expect(await listNotices(scene)).toMatchObject([
      {
        body: "Nothing was charged: the payment service never took the charge. It is tried again once it is due.",
      },
    ])
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
  })

  test("a charge that is only under way is waited for", async () => {
    await using scene = await openTopup({ card: "pays" })
    const saved = [...scene.control.objects.customers.keys()][0]!
    const method = scene.control.setCard(saved, "bank_account")
    await scene.app.store.tx(q => q.run("UPDATE saved_card SET payment_method_id = ?", method))
    await scene.run()
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "1.00" })
    expect(listCharges(scene)).toEqual(["1000 pending"])
  })
})

describe("a card that is declined", () => {
  test("is tried three times, at least ten minutes apart, then never again until the customer says so", async () => {
    await using scene = await openTopup({ card: "declined_later" })
    for (let minute = 0; minute < 60; minute++) {
      await scene.run()
      scene.clock.advance(MINUTE_MS)
    }
    const jobs = await listJobs(scene)
    expect(jobs.map(job => job.state)).toEqual(["declined", "declined", "declined"])
    const starts = jobs.map(job => (job.created_at - jobs[0]!.created_at) / MINUTE_MS)
    expect(starts).toEqual([0, 10, 20])
    expect(listCharges(scene)).toEqual(Array(3).fill("1000 failed"))
    expect((await listNotices(scene)).map(notice => notice.body)).toEqual([
      "Your card was declined: Your card was declined. It is tried again later.",
      "Your card was declined: Your card was declined. It is tried again later.",
      expect.stringMatching(
        /It failed too often: automatic top-ups are off until you save another card or turn/,
      ),
    ])
    expect(await readSettings(scene, scene.customer)).toMatchObject({ enabled: true, suspendedFor: "card" })
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "1.00" })
    await scene.sendJson(PATH, { key: scene.customer.key, body: { enabled: true } })
    await scene.run()
    expect(await listJobs(scene)).toHaveLength(4)
  })

  test("and replaced by another works again, from the first failure on", async () => {
    await using scene = await openTopup({ card: "declined_later" })
    for (let count = 0; count < 3; count++) {
      await scene.run()
      scene.clock.advance(10 * MINUTE_MS)
    }
    const { setupUrl } = await scene.sendJson(PATH, { key: scene.customer.key, body: { newCard: true } })
    await saveCard(scene, String(setupUrl), "pays_mastercard")
    expect(await readSettings(scene, scene.customer)).toMatchObject({
      suspendedFor: null,
      card: { last4: "4444" },
    })
    await scene.run()
    expect((await listJobs(scene)).at(-1)).toMatchObject({ state: "paid" })
    expect(await scene.app.store.read.all("SELECT failure_count FROM saved_card")).toEqual([
      { failure_count: 0 },
    ])
  })

  test("ends its purchase, and says so by events and no more", async () => {
    await using scene = await openTopup({ card: "declined_later" })
    await scene.run()
    expect(takeEvents(scene)).toEqual([
      "purchase-opened",
      "purchase-ended",
      "notice-written",
      "auto-topup-ended",
    ])
    const rows = await scene.app.store.read.all(
      "SELECT state, failure FROM purchase WHERE kind = 'auto-topup'",
    )
    expect(rows).toEqual([{ state: "failed", failure: "Your card was declined: Your card was declined." }])
  })

  test("that is gone from Stripe counts as declined", async () => {
    await using scene = await openTopup()
    const { api } = scene.app.payments.find()!
    const [method] = await scene.app.store.read.all<{ payment_method_id: string }>("SELECT * FROM saved_card")
    await api.paymentMethods.detach(method!.payment_method_id)
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "declined" }])
    expect(listCharges(scene)).toEqual([])
    // Stripe's words, with the names of its objects, are for the log.
    expect(await listNotices(scene)).toMatchObject([
      {
        body: "The payment service does not accept the saved card any more: save it again, or save another. It is tried again later.",
      },
    ])
    expect(scene.logs.some(line => line.includes("was refused") && line.includes("detached"))).toBe(true)
  })

  test("or whose charge is not what was ordered is told so without Stripe's ids", async () => {
    await using scene = await openTopup()
    scene.control.faults.nextCall({ kind: "lose-answer" }, { ...INTENTS, count: 3 })
    await scene.run()
    const [intent] = scene.control.objects.intents.values()
    intent!.amount_received = 900
    scene.clock.advance(24 * HOUR_MS)
    await scene.run()
    const [job] = await listJobs(scene)
    expect(job).toMatchObject({ state: "abandoned" })
    const [notice] = await listNotices(scene)
    expect(notice!.body).toContain(`Tell the operator: purchase ${job!.purchase_id}.`)
    expect(notice!.body).not.toMatch(/pi_|cus_/)
  })
})

describe("a bank that wants to see the customer", () => {
  test("stops auto-topup, and the customer is told where to pay; paying there starts it again", async () => {
    await using scene = await openTopup({ card: "authentication_always" }, { env: MAIL })
    await scene.app.store.tx(q => q.run("UPDATE customer SET email_verified_at = 1"))
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([
      { state: "action-required", failure: "Your bank did not allow the charge without you." },
    ])
    expect(await readSettings(scene, scene.customer)).toMatchObject({ suspendedFor: "authentication" })
    const [notice] = await listNotices(scene)
    const link = /http:\/\/localhost\/demo-checkout\/(cs_test_\w+)/.exec(notice!.body)
    expect(notice!.body).toStartWith(
      "Your bank did not allow the charge without you. Pay once in person at http",
    )
    expect(
      await scene.app.store.read.all("SELECT recipient, body FROM mail_outbox ORDER BY rowid DESC LIMIT 1"),
    ).toEqual([{ recipient: scene.customer.email, body: notice!.body }])
    scene.clock.advance(22 * HOUR_MS)
    await scene.run()
    expect(await listJobs(scene)).toHaveLength(1)
    await scene.control.pay(link![1]!, { card: "authentication_once" })
    await scene.control.deliverPending()
    expect(await readSettings(scene, scene.customer)).toMatchObject({
      suspendedFor: null,
      card: { last4: "3155" },
    })
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "11.00" })
  })

  test("is told without a link when there is no page to give", async () => {
    await using scene = await openTopup({ card: "authentication_always" })
    scene.control.faults.someCalls(1, { kind: "refuse", status: 500 }, { path: "/v1/checkout" })
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "action-required" }])
    expect((await listNotices(scene))[0]?.body).toContain(
      "Pay once in person with a checkout that saves the card",
    )
  })
})

const MAIL = { SMTP_URL: "smtp://mail.test", CODEXAPI_MAIL_FROM: "CodexAPI <billing@codexapi.test>" }

describe("the modes never mix", () => {
  test("a claim of test mode is given up under a live key, not charged for money", async () => {
    await using scene = await openTopup()
    const { app, customer } = scene
    await app.store.tx(q => claimJob(q, app, { customer_id: customer.id, is_live: false }))
    const live = { ...app.payments.find()!, is_live: true }
    await app.store.tx(q => q.run("UPDATE auto_topup SET is_enabled = 0"))
    await runAutoTopup({ ...app, payments: { find: () => live } })
    expect(await listJobs(scene)).toMatchObject([
      { state: "abandoned", failure: "It was begun in test mode." },
    ])
    expect(listCharges(scene)).toEqual([])
  })

  test("a live claim waits while the key is a test key", async () => {
    await using scene = await openTopup()
    const { app, customer } = scene
    await app.store.tx(q => claimJob(q, app, { customer_id: customer.id, is_live: true }))
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
    expect(listCharges(scene)).toEqual([])
  })

  test("without payments nothing is claimed", async () => {
    await using scene = await openTopup()
    await runAutoTopup({ ...scene.app, payments: { find: () => undefined } })
    expect(await listJobs(scene)).toEqual([])
    const config = { secret_key: "sk_test_1", webhook_secrets: [], base_url: "http://127.0.0.1:1" }
    const account = createStripeAccount(config, { is_demo: false })
    Object.assign(account.api, { getInitialNetworkRetryDelay: () => 0 })
    await runAutoTopup({ ...scene.app, payments: { find: () => account } })
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
  })
})
