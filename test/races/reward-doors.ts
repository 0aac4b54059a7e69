/** Doors through which credit is given away: each once, whoever asks however often. */
import { setRule } from "../../src/wallet/offers/rules.ts"
import { openGumroad, PRODUCT_ID } from "../support/gumroad.ts"
import { PASSWORD_HASH } from "../support/password.ts"
import {
  addCustomers,
  ask,
  countAnswers,
  countRows,
  crowd,
  type Door,
  expectSame,
  readMoved,
} from "./race.ts"

const DAY_MS = 86_400_000

/** Today's check-in of one customer. */
const checkIn: Door = {
  name: "check-in",
  open: async scene => async hall => {
    const [customer] = await addCustomers(scene, 1)
    const { key } = customer!
    const answers = await crowd(hall, () => ask(scene, "/api/v1/daily-checkin/claim", { key, body: {} }))
    expectSame("answers", countAnswers(answers), { 200: 1, "409 already_claimed": hall.width - 1 })
    expectSame("credited", await readMoved(scene, customer!, "checkin"), { count: 1, cents: 5 })
  },
}

/** Today's check-ins on one device, by many customers. */
const device: Door = {
  name: "check-in on one device",
  async open(scene) {
    const customers = await addCustomers(scene, 25)
    return async hall => {
      scene.clock.advance(DAY_MS)
      const body = { deviceId: `device-${hall.number}` }
      const answers = await crowd(hall, number => {
        const { key } = customers[number % customers.length]!
        return ask(scene, "/api/v1/daily-checkin/claim", { key, body })
      })
      expectSame("claimed", countAnswers(answers)["200"], 1)
      const today = new Date(scene.clock.now()).toISOString().slice(0, 10)
      const credited = "ledger_transfer WHERE kind = 'checkin' AND id LIKE '%:' || ?"
      expectSame("credited", await countRows(scene, credited, today), 1)
    }
  },
}

/** The share credit for one post, by a few customers. */
const share: Door = {
  name: "share",
  open: async scene => async hall => {
    const customers = await addCustomers(scene, 3)
    const post = String(10_000_000 + hall.number)
    const body = { postUrl: `https://x.com/someone/status/${post}` }
    const answers = await crowd(hall, number => {
      const { key } = customers[number % customers.length]!
      return ask(scene, "/api/v1/share-credit/claim", { key, body })
    })
    expectSame("claimed", countAnswers(answers)["200"], 1)
    const moved = await Promise.all(customers.map(one => readMoved(scene, one, "share")))
    expectSame(
      "credited",
      moved.reduce((sum, one) => sum + one.cents, 0),
      100,
    )
  },
}

/** One licence, by as many new customers. */
const gumroad: Door = {
  name: "gumroad",
  async open(scene) {
    const shop = openGumroad()
    // The race is about the licence: Argon2id would take all of its time.
    Bun.password.hash = async () => PASSWORD_HASH
    Object.assign(scene.app, { fetch, config: { ...scene.app.config, gumroad_base_url: shop.base_url } })
    await scene.app.store.tx(q => setRule(q, 0, "gumroad", { product_id: PRODUCT_ID }))
    return async hall => {
      const licenseKey = shop.sell()
      const answers = await crowd(hall, number => {
        const email = `buyer-${hall.number}-${number}@example.com`
        return ask(scene, "/api/v1/gumroad/register", {
          body: { email, password: "canary-password-1", licenseKey },
        })
      })
      expectSame("answers", countAnswers(answers), { 201: 1, "409 already_claimed": hall.width - 1 })
      const made = `buyer-${hall.number}-%`
      expectSame("customers", await countRows(scene, "customer WHERE email LIKE ?", made), 1)
      expectSame(
        "transfers",
        await countRows(scene, "ledger_transfer WHERE kind = 'gumroad'"),
        hall.number + 1,
      )
    }
  },
}

/** The discount by mail of one customer. */
const sessionDiscount: Door = {
  name: "session discount",
  open: async scene => async hall => {
    const [customer] = await addCustomers(scene, 1)
    const { id, key } = customer!
    const path = "/api/v1/wallet/topupemail-session-discount"
    const answers = await crowd(hall, () =>
      scene.sendJson<{ code: string; isNew: boolean }>(path, { key, body: {} }),
    )
    expectSame("new codes", answers.filter(one => one.isNew).length, 1)
    expectSame("codes", new Set(answers.map(one => one.code)).size, 1)
    expectSame("rows", await countRows(scene, "bonus_code WHERE customer_id = ?", id), 1)
  },
}

export const REWARD_DOORS: readonly Door[] = [checkIn, device, share, gumroad, sessionDiscount]
