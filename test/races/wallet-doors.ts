/** Doors through which credit is spent, bought with cash, redeemed and given: who may use a key, code or reference, and how often. */
import { adjustCredit } from "../../src/admin/credit.ts"
import { createCode } from "../../src/wallet/offers/code-book.ts"
import { getOfferedPackage } from "../../src/wallet/offers/packages.ts"
import { recordPlanPayment } from "../../src/wallet/purchases/redeem.ts"
import type { TestCustomer } from "../support/app.ts"
import { openStream } from "../support/fake-fetch.ts"
import { askStream, FIRST_HOLD_NANOS } from "../support/gateway.ts"
import type { PaymentScene } from "../support/payments.ts"
import { textTurn } from "../support/responses-turns.ts"
import { untilTrue } from "../support/turns.ts"
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

const give = ({ app }: PaymentScene, { id }: TestCustomer, wallet: "token" | "cash", nanos: number) =>
  adjustCredit(app, {
    customer_id: id,
    wallet,
    direction: "credit",
    amount: (nanos / 1e9).toFixed(9),
    reason: "for the race",
  })

/** Requests to a model, with credit for the holds of a few of them. */
const spend: Door = {
  name: "spend",
  env: () => ({ CODEXAPI_KEY_CONCURRENCY: "1000", CODEXAPI_KEY_REQUESTS_PER_MINUTE: "1000000" }),
  async open(scene) {
    const answer = textTurn("hi", { input: 16, output: 10 }).join("")
    return async hall => {
      const [customer] = await addCustomers(scene, 1)
      const admitted = hall.random.between(1, 3)
      await give(scene, customer!, "token", admitted * FIRST_HOLD_NANOS + hall.random.int(FIRST_HOLD_NANOS))
      scene.events.length = 0
      const upstreams = Array.from({ length: admitted }, () => openStream())
      scene.upstream.play(...upstreams.map(upstream => upstream.answer))
      const asked = crowd(hall, () => askStream(scene, customer!))
      const isRefused = () => scene.events.filter(({ name }) => name === "request-refused").length
      // What they hold is given back only when all others have been refused.
      await untilTrue("the others are refused", () => isRefused() === hall.width - admitted)
      for (const upstream of upstreams) {
        upstream.push(answer)
        upstream.end()
      }
      const answers = await asked
      await Promise.all(answers.map(one => one.text()))
      await scene.app.tasks.idle()
      const statuses = countAnswers(answers.map(one => String(one.status)))
      expectSame("answers", statuses, { 200: admitted, 402: hall.width - admitted })
      const settled = await readMoved(scene, customer!, "settle")
      expectSame("charged", settled, {
        count: admitted,
        cents: (admitted * (16 * 5_000 + 10 * 30_000)) / 1e7,
      })
    }
  },
}

/** The last uses of a code, by many customers who buy with it. */
const code: Door = {
  name: "code",
  async open(scene) {
    const buyers = await addCustomers(scene, 25)
    for (const buyer of buyers) await give(scene, buyer, "cash", 10_000e9)
    return async hall => {
      const uses = hall.random.between(1, 3)
      const { code: text } = await scene.app.store.tx(q =>
        createCode(
          q,
          { random: scene.app.random, now: scene.clock.now() },
          {
            customer_id: null,
            source: "operator",
            percent: 10,
            max_bonus_nanos: null,
            min_price_cents: 0,
            max_use_count: uses,
            max_use_count_per_customer: 1,
            starts_at: scene.clock.now(),
            expires_at: null,
          },
        ),
      )
      const answers = await crowd(hall, number =>
        ask(scene, "/api/v1/cash-wallet/token-purchase", {
          key: buyers[number % buyers.length]!.key,
          body: { packageId: "starter", code: text },
        }),
      )
      expectSame("bought", countAnswers(answers)["200"], uses)
      const credited = "ledger_transfer WHERE kind = 'bonus_credit' AND id LIKE 'code:' || ? || ':%'"
      expectSame("credited", await countRows(scene, credited, text), uses)
      expectSame("uses", await countRows(scene, "code_use WHERE code = ?", text), uses)
    }
  },
}

/** Packages from a Cash Wallet that covers a few of them. */
const cash: Door = {
  name: "token-purchase",
  open: async scene => async hall => {
    const [customer] = await addCustomers(scene, 1)
    const covered = hall.random.between(1, 3)
    await give(scene, customer!, "cash", covered * 5e9 + hall.random.int(5e9))
    const answers = await crowd(hall, () =>
      ask(scene, "/api/v1/cash-wallet/token-purchase", {
        key: customer!.key,
        body: { packageId: "starter" },
      }),
    )
    expectSame("answers", countAnswers(answers), {
      200: covered,
      "402 insufficient_cash": hall.width - covered,
    })
    expectSame("credited", await readMoved(scene, customer!, "package_credit"), {
      count: covered,
      cents: covered * 500,
    })
  },
}

/** One purchase under one Idempotency-Key. */
const repeated: Door = {
  name: "idempotency-key",
  open: async scene => async hall => {
    const [customer] = await addCustomers(scene, 1)
    await give(scene, customer!, "cash", 100e9)
    const headers = { "idempotency-key": `race-${hall.number}` }
    const { key } = customer!
    const answers = await crowd(hall, () =>
      ask(scene, "/api/v1/cash-wallet/token-purchase", { key, headers, body: { packageId: "starter" } }),
    )
    const others = Object.keys(countAnswers(answers)).filter(
      one => !["200", "409 idempotency_running"].includes(one),
    )
    expectSame("other answers", others, [])
    expectSame("credited", await readMoved(scene, customer!, "package_credit"), { count: 1, cents: 500 })
  },
}

/** One plan payment, by its own customer and by another one. */
const topUp: Door = {
  name: "top-up",
  async open(scene) {
    const offer = await getOfferedPackage(scene.app.store.read, "standard")
    return async hall => {
      const [own, other] = await addCustomers(scene, 2)
      const reference = `race-${hall.number}`
      await recordPlanPayment(scene.app, { customer_id: own!.id, offer, reference })
      const answers = await crowd(hall, number =>
        ask(scene, "/api/v1/wallet/top-up", {
          key: (number % 5 === 0 ? other : own)!.key,
          body: { reference },
        }),
      )
      expectSame("redeemed", countAnswers(answers)["200"], 1)
      expectSame("credited", await readMoved(scene, own!, "package_credit"), { count: 1, cents: 1_000 })
      expectSame("of the other", await readMoved(scene, other!, "package_credit"), { count: 0, cents: 0 })
    }
  },
}

/** One key is revoked; afterwards it opens nothing. */
const revoke: Door = {
  name: "revoke a key",
  open: async scene => async hall => {
    const [customer] = await addCustomers(scene, 1)
    const { key_id, key, system_token } = customer!
    // What failed in the rounds before is forgotten.
    scene.clock.advance(60_000)
    scene.events.length = 0
    const answers = await crowd(hall, () =>
      ask(scene, `/api/v1/me/api-keys/${key_id}`, { method: "DELETE", key: system_token }),
    )
    const revoked = scene.events.filter(({ name }) => name === "key-revoked").length
    expectSame("answers", countAnswers(answers), { 200: 1, "404 not_found": hall.width - 1 })
    expectSame("revoked", revoked, 1)
    const after = await ask(scene, "/api/v1/wallet/status", { key })
    expectSame("after it", after, "401 invalid_api_key")
  },
}

export const WALLET_DOORS: readonly Door[] = [spend, code, cash, repeated, topUp, revoke]
