/** Automatic top-ups that are not wanted any more while nobody knows whether they were charged: never made again. */
import { describe, expect, test } from "bun:test"
import { setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import { buy, readWallets, takeEvents } from "../../support/payments.ts"
import { listCharges, listJobs, MINUTE_MS, openTopup, PATH, spend } from "./scene.ts"

const INTENTS = { method: "POST", path: "/v1/payment_intents" } as const
const HOUR_MS = 3_600_000

describe("a charge that nobody knows the end of, and that is not due any more", () => {
  /** Stripe was down at the first call: nothing was charged. */
  async function openUndecided() {
    const scene = await openTopup()
    scene.control.faults.nextCall({ kind: "refuse", status: 500 }, { ...INTENTS, count: 3 })
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
    takeEvents(scene)
    return scene
  }
  type Undecided = Awaited<ReturnType<typeof openUndecided>>
  const change = (body: object) => (scene: Undecided) =>
    scene.sendJson(PATH, { key: scene.customer.key, body })

  test.each<[string, (scene: Undecided) => Promise<unknown>]>([
    ["was turned off", change({ enabled: false })],
    ["is of another package", change({ packageId: "starter" })],
    [
      "has a payment in dispute",
      async scene => {
        const { intent } = await buy(scene, scene.customer, { body: { packageId: "starter" } })
        await spend(scene, scene.customer, "5.00")
        scene.control.openDispute(intent)
        await scene.control.deliverPending()
      },
    ],
    ["is of a frozen wallet", ({ app, customer }) => app.store.tx(q => setFrozen(q, customer.id, true))],
    ["has enough credit again", scene => buy(scene, scene.customer)],
    [
      "is above a limit that was lowered",
      ({ app }) => app.store.tx(q => q.run("UPDATE auto_topup SET monthly_cap_cents = 999")),
    ],
  ])("because it %s is never made, looked for, and given up after five minutes", async (_, stop) => {
    await using scene = await openUndecided()
    await stop(scene)
    const before = listCharges(scene)
    for (let minute = 0; minute < 5; minute++) {
      await scene.run()
      expect((await listJobs(scene)).at(0)).toMatchObject({ state: "claimed" })
      scene.clock.advance(MINUTE_MS)
    }
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "abandoned" }])
    expect(listCharges(scene)).toEqual(before)
  })

  test("but was made is credited", async () => {
    await using scene = await openTopup()
    scene.control.faults.nextCall({ kind: "lose-answer" }, { ...INTENTS, count: 3 })
    await scene.run()
    await scene.sendJson(PATH, { key: scene.customer.key, body: { enabled: false } })
    scene.clock.advance(HOUR_MS)
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "11.00" })
  })

  test("is made when it is due again, and then the patience begins anew", async () => {
    await using scene = await openUndecided()
    await scene.sendJson(PATH, { key: scene.customer.key, body: { enabled: false } })
    await scene.run()
    scene.clock.advance(4 * MINUTE_MS)
    await scene.sendJson(PATH, { key: scene.customer.key, body: { enabled: true } })
    scene.control.faults.nextCall({ kind: "refuse", status: 500 }, { ...INTENTS, count: 3 })
    await scene.run()
    await scene.sendJson(PATH, { key: scene.customer.key, body: { enabled: false } })
    scene.clock.advance(2 * MINUTE_MS)
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "claimed" }])
    await scene.sendJson(PATH, { key: scene.customer.key, body: { enabled: true } })
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
    expect(listCharges(scene)).toEqual(["1000 succeeded"])
  })
})
