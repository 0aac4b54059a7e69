/** Low balance notices: once for each load of credit, after a charge, and never for those who have enough. */
import { expect, test } from "bun:test"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { watchLowBalances } from "../../src/wallet/low-balance.ts"
import { setRule } from "../../src/wallet/offers/rules.ts"
import { createTestRandom } from "../support/random.ts"
import { openTestWallet, transferOf } from "../support/wallet.ts"

const USD = 1_000_000_000

async function open(credit_nanos: number, mail?: { smtp_url: string; from: string }) {
  const wallet = await openTestWallet(credit_nanos)
  let count = 0
  const random = createTestRandom()
  const newId = (prefix: string) => `${prefix}_${Buffer.from(random(8)).toString("hex")}`
  const needs = { ...wallet.needs, newId, config: { mail } }
  const watch = watchLowBalances(needs)
  const settle = (customer_id = "cus_1") =>
    wallet.needs.events.emit("request-settled", { request_id: "req_1", customer_id, end_reason: "completed" })
  const move = (from: string, to: string, usd: number) => {
    wallet.clock.advance(1)
    const amount_nanos = (usd * USD) as Nanos
    return wallet.post([transferOf({ id: `t${++count}`, from, to, amount_nanos, kind: "admin_credit" })])
  }
  const listNotices = async () =>
    (
      await wallet.store.read.all<{ subject: string }>("SELECT subject FROM inbox_message ORDER BY rowid")
    ).map(notice => notice.subject)
  return {
    ...wallet,
    needs,
    watch,
    settle,
    listNotices,
    spend: (usd: number) => move("cus_1/token", "system/issue_admin", usd),
    load: (usd: number) => move("system/issue_admin", "cus_1/token", usd),
  }
}

test("a customer who has spent below the threshold is told once, until credit is loaded again", async () => {
  const scene = await open(2 * USD)
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toEqual([])
  await scene.spend(1.25)
  for (let count = 0; count < 3; count++) {
    scene.settle()
    await scene.watch.look()
  }
  expect(await scene.listNotices()).toEqual(["Your credit is low: $0.75"])
  await scene.load(0.1)
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toEqual(["Your credit is low: $0.75", "Your credit is low: $0.85"])
  await scene.load(5)
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toHaveLength(2)
})

test("nobody is told who has not spent, however little there is", async () => {
  const scene = await open(0.5 * USD)
  await scene.watch.look()
  expect(await scene.listNotices()).toEqual([])
})

test("exactly the threshold is enough; one nano less is not", async () => {
  const scene = await open(USD)
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toEqual([])
  await scene.spend(1e-9)
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toEqual(["Your credit is low: $0.999999999"])
})

test("the operator's threshold counts, and 0.00 is never", async () => {
  const scene = await open(3 * USD)
  const set = (threshold_usd: string) =>
    scene.store.tx(q => setRule(q, scene.clock.now(), "low-balance", { threshold_usd }))
  await set("5.00")
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toEqual(["Your credit is low: $3.00"])
  await set("0.00")
  await scene.spend(3)
  await scene.load(1)
  await scene.spend(1)
  scene.settle()
  await scene.watch.look()
  expect(await scene.listNotices()).toHaveLength(1)
})

test("a customer who never had credit is told once too", async () => {
  const scene = await open(0)
  for (let count = 0; count < 2; count++) {
    scene.settle()
    await scene.watch.look()
  }
  expect(await scene.listNotices()).toEqual(["Your credit is low: $0.00"])
})

test("fifty looks at once tell once, with one mail", async () => {
  const scene = await open(0.5 * USD, { smtp_url: "smtp://mail.test", from: "a@b.example" })
  await scene.store.tx(q => q.run("UPDATE customer SET email_verified_at = 1"))
  await Promise.all(
    Array.from({ length: 50 }, () => {
      scene.settle()
      return scene.watch.look()
    }),
  )
  expect(await scene.listNotices()).toHaveLength(1)
  expect(await scene.store.read.all("SELECT recipient FROM mail_outbox")).toEqual([
    { recipient: "cus_1@example.com" },
  ])
  expect(scene.heard.filter(one => one.startsWith("notice-written"))).toHaveLength(1)
})

test("a look that fails forgets nobody: the next one tells them all", async () => {
  const scene = await open(0.5 * USD)
  await scene.addCustomer("cus_2")
  scene.settle()
  scene.settle("cus_2")
  const real = scene.needs.store.tx
  scene.needs.store.tx = () => Promise.reject(new Error("canary: the disk is full"))
  await expect(scene.watch.look()).rejects.toThrow("canary")
  scene.needs.store.tx = real
  await scene.watch.look()
  expect((await scene.listNotices()).toSorted()).toEqual([
    "Your credit is low: $0.00",
    "Your credit is low: $0.50",
  ])
})
