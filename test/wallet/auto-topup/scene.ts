/** A customer with automatic top-ups: enabled over HTTP, the card saved on its page, the credit spent. */
import { adjustCredit } from "../../../src/admin/credit.ts"
import type { AutoTopupJob } from "../../../src/wallet/auto-topup/jobs.ts"
import { runAutoTopup } from "../../../src/wallet/auto-topup/run.ts"
import type { CardChoice } from "../../../src/wallet/demo-stripe/test-cards.ts"
import type { TestCustomer } from "../../support/app.ts"
import { openPaymentScene, type PaymentScene, type SceneOptions } from "../../support/payments.ts"

export const PATH = "/api/v1/wallet/auto-topup"
export const MINUTE_MS = 60_000

export interface Wish {
  card?: CardChoice
  thresholdUsd?: string
  packageId?: string
  monthlyCapUsd?: string
}

/** Enables auto-topup for a customer and saves a card on the page that the answer names. */
export async function enable(scene: PaymentScene, { key }: TestCustomer, wish: Wish = {}): Promise<void> {
  const { card = "pays", ...settings } = wish
  const body = { enabled: true, thresholdUsd: "5.00", packageId: "standard", ...settings }
  const answer = await scene.sendJson<{ setupUrl: string | null }>(PATH, { key, body })
  if (answer.setupUrl === null) throw new Error(`no page to save a card at: ${JSON.stringify(answer)}`)
  await saveCard(scene, answer.setupUrl, card)
  scene.events.length = 0
}

/** What the customer does on the page of a setup session. */
export async function saveCard(scene: PaymentScene, url: string, card: CardChoice): Promise<void> {
  const came_of_it = await scene.stripe.control.pay(url.split("/").at(-1)!, { card })
  if (came_of_it !== "succeeded") throw new Error(`the card was not saved: ${came_of_it}`)
  await scene.stripe.control.deliverPending()
}

/** A scene with one customer of so much credit, for whom auto-topup is on. */
export async function openTopup(wish: Wish & { credit_usd?: string } = {}, options: SceneOptions = {}) {
  const scene = await openPaymentScene(options)
  const { credit_usd = "1.00", ...settings } = wish
  const customer = await scene.createCustomer({ credit_usd })
  await enable(scene, customer, settings)
  return { ...scene, customer, run: () => runAutoTopup(scene.app), control: scene.stripe.control }
}

/** Takes credit away, as requests would. */
export const spend = ({ app }: PaymentScene, customer: TestCustomer, amount: string) =>
  adjustCredit(app, { customer_id: customer.id, amount, reason: "spent", direction: "debit" })

export const listJobs = ({ app }: PaymentScene) =>
  app.store.read.all<AutoTopupJob>("SELECT * FROM auto_topup_job ORDER BY rowid")

/** Charges that were tried, in cents, by what became of them. */
export const listCharges = ({ stripe }: PaymentScene) =>
  [...stripe.control.objects.charges.values()].map(charge => `${charge.amount} ${charge.status}`)

export const listNotices = ({ app }: PaymentScene) =>
  app.store.read.all<{ kind: string; subject: string; body: string }>(
    "SELECT kind, subject, body FROM inbox_message WHERE kind = 'auto-topup' ORDER BY rowid",
  )

export const readSettings = async (scene: PaymentScene, { key }: TestCustomer) =>
  scene.sendJson(PATH, { key, body: {} })
