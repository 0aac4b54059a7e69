/** POST /api/v1/stripe/webhook: who signed it, what is not ours, and what happens when handling fails. */
import { describe, expect, test } from "bun:test"
import { signatureOf } from "../../../src/wallet/demo-stripe/webhooks.ts"
import {
  eventOfType,
  openPaymentScene,
  payCheckout,
  postEvent,
  readPurchase,
  readWallets,
  takeEvents,
  WEBHOOK_SECRET,
} from "../../support/payments.ts"

const CREDITED = ["notice-written", "purchase-paid", "credit-posted"]

const told = async (answer: Response) => {
  const { code, field } = (await answer.json()) as Record<string, unknown>
  return field === undefined ? [answer.status, code] : [answer.status, code, field]
}

/** A scene with a paid checkout that nobody has told us of, and the event that does. */
async function openPaid(env: Record<string, string> = {}) {
  const scene = await openPaymentScene({ env })
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const paid = await payCheckout(scene, customer)
  scene.events.length = 0
  const event = eventOfType(scene, "checkout.session.completed")
  return { ...scene, customer, paid, event }
}

describe("a signature", () => {
  test("of ours lets the event in, which credits and answers 200", async () => {
    await using scene = await openPaid()
    const answer = await postEvent(scene, scene.event)
    expect([answer.status, await answer.json()]).toEqual([200, { received: true }])
    expect(takeEvents(scene)).toEqual(CREDITED)
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "10.00", cash: "0.00", debt: "0.00" })
  })

  test("that is missing, wrong, of another body or stale is refused, and nothing is credited", async () => {
    await using scene = await openPaid()
    const { event } = scene
    const now = scene.clock.now()
    const body = JSON.stringify(event)
    const right = signatureOf(body, WEBHOOK_SECRET, Math.floor(now / 1000))
    const bad = [400, "bad_signature", "stripe-signature"]
    const answers: [Promise<Response>, unknown[]][] = [
      [postEvent(scene, event, { signature: null }), [400, "unsigned", "stripe-signature"]],
      [postEvent(scene, event, { signature: "" }), [400, "unsigned", "stripe-signature"]],
      [postEvent(scene, event, { secret: "whsec_other" }), bad],
      [postEvent(scene, event, { secret: "" }), bad],
      [postEvent(scene, event, { at_ms: now - 301_000 }), bad],
      [postEvent(scene, `${body} `, { signature: right }), bad],
      [postEvent(scene, body.replace("1000", "9000"), { signature: right }), bad],
      [postEvent(scene, event, { signature: right.replace("v1=", "v0=") }), bad],
      [postEvent(scene, event, { signature: right.replace(/t=\d+/, "t=99999999999") }), bad],
      [postEvent(scene, event, { signature: "t=,v1=" }), bad],
      [postEvent(scene, event, { signature: "nonsense" }), bad],
      [postEvent(scene, "not JSON"), bad],
      [postEvent(scene, ""), bad],
    ]
    for (const [answer, refusal] of answers) expect(await told(await answer)).toEqual(refusal)
    expect(new Set(takeEvents(scene))).toEqual(new Set(["request-refused"]))
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "0.00" })
  })

  test("is good for five minutes", async () => {
    await using scene = await openPaid()
    const answer = await postEvent(scene, scene.event, { at_ms: scene.clock.now() - 300_000 })
    expect(answer.status).toBe(200)
    expect(takeEvents(scene)).toEqual(CREDITED)
  })

  test("by either of two secrets is taken while one is replaced; an old one is not afterwards", async () => {
    await using scene = await openPaid({ STRIPE_WEBHOOK_SECRET: "whsec_new, whsec_old" })
    expect((await postEvent(scene, scene.event, { secret: "whsec_old" })).status).toBe(200)
    expect((await postEvent(scene, scene.event, { secret: "whsec_new" })).status).toBe(200)
    expect(await told(await postEvent(scene, scene.event))).toEqual([
      400,
      "bad_signature",
      "stripe-signature",
    ])
    expect(takeEvents(scene)).toEqual([...CREDITED, "request-refused"])
  })

  test("cannot be checked without a secret, or while payments are off: Stripe is asked to send it again", async () => {
    await using none = await openPaid({ STRIPE_WEBHOOK_SECRET: "" })
    expect(await told(await postEvent(none, none.event))).toEqual([503, "webhook_unconfigured"])
    await using off = await openPaymentScene({ env: { CODEXAPI_PAYMENTS: "off" } })
    expect(await told(await postEvent(off, none.event))).toEqual([503, "payments_off"])
  })
})

describe("an event", () => {
  test("of any size is read no further than a megabyte", async () => {
    await using scene = await openPaid()
    const pad = "x".repeat(1_100_000)
    expect(await told(await postEvent(scene, { ...scene.event, pad }))).toEqual([413, "request_too_large"])
    expect(takeEvents(scene)).toEqual(["request-refused"])
    const large = { ...scene.event, pad: "ü".repeat(400_000) }
    expect((await postEvent(scene, large)).status).toBe(200)
    expect(takeEvents(scene)).toEqual(CREDITED)
  })

  test("of a type that is not ours, or of an object that Stripe does not know, is taken and ignored", async () => {
    await using scene = await openPaid()
    const { event } = scene
    const of = (type: string, object: object) => ({ ...event, id: "evt_1", type, data: { object } })
    for (const other of [
      of("invoice.paid", { id: "in_1" }),
      of("customer.subscription.updated", { id: "sub_1" }),
      of("constructor", { id: "x" }),
      of("checkout.session.completed", { id: "cs_test_of_another_server" }),
      of("payment_intent.succeeded", { id: "pi_of_another_server" }),
      of("refund.created", { id: "re_none" }),
      of("charge.dispute.created", { id: "du_none" }),
      of("charge.refunded", { id: "ch_none" }),
    ]) {
      const answer = await postEvent(scene, other)
      expect({ type: other.type, status: answer.status }).toEqual({ type: other.type, status: 200 })
    }
    expect(takeEvents(scene)).toEqual([])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "0.00" })
  })

  test("of the other mode is taken and ignored", async () => {
    await using scene = await openPaid()
    expect((await postEvent(scene, { ...scene.event, livemode: true })).status).toBe(200)
    expect(takeEvents(scene)).toEqual([])
  })

  test("says nothing of its own that is believed: the object is fetched anew", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const opened = await scene.checkout(customer.key)
    scene.events.length = 0
    const session = { ...scene.stripe.control.objects.sessions.get(opened.sessionId)! }
    Object.assign(session, { status: "complete", payment_status: "paid", amount_total: 999_999 })
    const type = "checkout.session.completed"
    const event = { id: "evt_1", object: "event", type, livemode: false, data: { object: session } }
    expect((await postEvent(scene, event)).status).toBe(200)
    expect(takeEvents(scene)).toEqual([])
    expect(await readPurchase(scene, opened.purchase.id)).toMatchObject({ state: "open" })
  })

  test("that comes again, and others of the same payment, change nothing", async () => {
    await using scene = await openPaid()
    const events = [...scene.stripe.control.objects.events.values()]
    for (const event of [...events, ...events.toReversed(), scene.event, scene.event])
      expect((await postEvent(scene, event)).status).toBe(200)
    expect(takeEvents(scene)).toEqual(CREDITED)
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
  })

  test("of the intent alone credits too, when the one of its session is lost", async () => {
    await using scene = await openPaid()
    expect((await postEvent(scene, eventOfType(scene, "payment_intent.succeeded"))).status).toBe(200)
    expect(takeEvents(scene)).toEqual(CREDITED)
    expect(await readPurchase(scene, scene.paid.purchase_id)).toMatchObject({
      state: "paid",
      stripe_payment_intent: scene.paid.intent,
      card_fingerprint: expect.stringMatching(/^\w{16}$/),
    })
  })

  test("of money that comes days later credits only then", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await payCheckout(scene, customer, { card: "bank_account" })
    await scene.stripe.control.deliverPending()
    expect(await readPurchase(scene, paid.purchase_id)).toMatchObject({ state: "open" })
    scene.clock.advance(3 * 86_400_000)
    scene.stripe.control.settle(paid.session_id, "succeeded")
    await scene.stripe.control.deliverPending()
    expect(await readWallets(scene, customer)).toMatchObject({ token: "10.00" })
    const failed = await payCheckout(scene, customer, { card: "bank_account" })
    scene.stripe.control.settle(failed.session_id, "failed")
    await scene.stripe.control.deliverPending()
    expect(await readPurchase(scene, failed.purchase_id)).toMatchObject({ state: "failed" })
    expect(await readWallets(scene, customer)).toMatchObject({ token: "10.00" })
  })
})

describe("an error inside", () => {
  test("at Stripe answers 503 and leaves nothing; the repeat credits", async () => {
    await using scene = await openPaid()
    scene.stripe.control.faults.nextCall({ kind: "refuse", status: 500 }, { path: "/v1/checkout", count: 3 })
    const answer = await postEvent(scene, scene.event)
    expect(await told(answer)).toEqual([503, "event_failed"])
    expect(takeEvents(scene)).toEqual(["request-refused"])
    expect(await readPurchase(scene, scene.paid.purchase_id)).toMatchObject({ state: "open", paid_at: null })
    expect((await postEvent(scene, scene.event)).status).toBe(200)
    expect(takeEvents(scene)).toEqual(CREDITED)
  })

  /** Each place in the transaction where the database may fail. */
  const STATEMENTS = [
    "UPDATE purchase SET state = 'paid'",
    "INSERT INTO ledger_transfer",
    "INSERT INTO inbox_message",
  ]
  for (const statement of STATEMENTS)
    test(`at ${statement} answers 503 and leaves nothing half done; the repeat credits`, async () => {
      await using scene = await openPaid()
      const { store } = scene.app
      const real = store.tx
      let fail_count = 0
      store.tx = job =>
        real(q =>
          job({
            ...q,
            run(sql, ...values) {
              if (!sql.startsWith(statement) || fail_count > 0) return q.run(sql, ...values)
              fail_count += 1
              throw new Error("canary: the disk is full")
            },
          }),
        )
      const answer = await postEvent(scene, scene.event)
      const text = await answer.text()
      expect(answer.status).toBe(503)
      expect(text).not.toContain("canary")
      expect(scene.logs.some(line => line.includes("canary") && line.includes(scene.event.id))).toBe(true)
      expect(takeEvents(scene)).toEqual(["request-refused"])
      expect(await readPurchase(scene, scene.paid.purchase_id)).toMatchObject({
        state: "open",
        paid_at: null,
      })
      expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
      expect(await store.read.all("SELECT id FROM inbox_message")).toEqual([])
      expect((await postEvent(scene, scene.event)).status).toBe(200)
      expect(takeEvents(scene)).toEqual(CREDITED)
      expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
    })

  test("is tried again by Stripe until it is taken", async () => {
    await using scene = await openPaid()
    scene.stripe.control.faults.nextCall({ kind: "refuse", status: 500 }, { path: "/v1/", count: 6 })
    await scene.stripe.control.deliverPending()
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "0.00" })
    scene.clock.advance(5_000)
    await scene.stripe.control.deliverPending()
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
  })
})
