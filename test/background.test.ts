/** What the server does by itself: each job is there, comes back as often as it should, and one that fails goes on. */
import { expect, test } from "bun:test"
import { listJobs } from "../src/background.ts"
import { startJobs } from "../src/platform/jobs.ts"
import { openTestApp } from "./support/app.ts"
import { openPaymentScene, payCheckout, readWallets } from "./support/payments.ts"
import { until } from "./support/until.ts"

const MAIL = { SMTP_URL: "smtp://127.0.0.1:1", CODEXAPI_MAIL_FROM: "CodexAPI <billing@codexapi.test>" }

const namesOf = (jobs: readonly { name: string; every_ms: number }[]) =>
  jobs.map(job => `${job.name} every ${job.every_ms / 1000} s`)

test("every job is listed with how often it comes back; mail only where it is configured", async () => {
  await using app = await openTestApp()
  const without_mail = namesOf(listJobs(app.app))
  expect(without_mail).toEqual([
    "auto-topup every 5 s",
    "low balances every 10 s",
    "payments every 60 s",
    "commissions every 600 s",
    "remembered answers every 3600 s",
    "ledger seal every 3600 s",
    "reconciliation every 3600 s",
  ])
  await using mailing = await openTestApp({ env: MAIL })
  expect(namesOf(listJobs(mailing.app))).toEqual([...without_mail, "mail every 3 s"])
})

test("each job of a fresh server runs, and finds nothing to do", async () => {
  await using app = await openTestApp({ env: MAIL })
  app.events.length = 0
  for (const job of listJobs(app.app)) await job.run()
  const moved = await app.app.store.read.all("SELECT id FROM ledger_transfer")
  expect([moved, app.logs]).toEqual([[], []])
})

test("running, they credit a payment of which nothing else has told, and one that fails keeps nobody from it", async () => {
  await using scene = await openPaymentScene({ has_webhook: false })
  const customer = await scene.createCustomer({ credit_usd: "0" })
  await payCheckout(scene, customer)
  const broken = { name: "broken", every_ms: 1000, run: () => Promise.reject(new Error("canary")) }
  const jobs = startJobs(scene.app, [broken, ...listJobs(scene.app)])
  await scene.app.tasks.idle()
  expect(await readWallets(scene, customer)).toMatchObject({ token: "10.00" })
  await payCheckout(scene, customer, { body: { amountUsd: "5.00" } })
  await until("the next pass has been", async () => {
    scene.clock.advance(1000)
    await scene.app.tasks.idle()
    return (await readWallets(scene, customer)).cash === "5.00"
  })
  await jobs.stop()
  expect(scene.logs.filter(line => line.includes("canary")).length).toBeGreaterThan(1)
  expect(scene.clock.timer_count()).toBeLessThan(3)
})
