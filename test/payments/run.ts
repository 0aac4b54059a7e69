/**
 * Simulated payments over real HTTP: PAY_COUNT of them on one server with lost answers, lost, repeated and reordered events,
 * refunds and disputes; then one sweep, and the books must be what Stripe says. PAY_SEED says which history.
 */
import { adjustCredit } from "../../src/admin/credit.ts"
import { createTestCard } from "../../src/wallet/demo-stripe/test-cards.ts"
import { sweepPayments } from "../../src/wallet/stripe/sweep.ts"
import type { TestCustomer } from "../support/app.ts"
import { openPaymentScene, type PaymentScene } from "../support/payments.ts"
import { judge } from "./judge.ts"
import { type PaymentPlan, planPayments } from "./plan.ts"

const numberOf = (name: string, fallback: number) => Number(Bun.env[name] ?? fallback)
const seed = numberOf("PAY_SEED", 1)
const payment_count = numberOf("PAY_COUNT", 2_000)
const CUSTOMERS = 60
/** Payments under way at once. */
const WIDTH = 48
const HOUR_MS = 3_600_000

async function run(): Promise<number> {
  await using scene = await openPaymentScene({ env: { CODEXAPI_LOG_LEVEL: "error" } })
  // Everybody comes from one address, with codes.
  Object.assign(scene.app, { attempt_limit: { take: () => 0 } })
  const customers: TestCustomer[] = []
  for (let i = 0; i < CUSTOMERS; i++) customers.push(await scene.createCustomer({ credit_usd: "0" }))
  const code = await makeCode(scene)
  arm(scene)
  const plans = planPayments(seed, { payment_count, customer_count: CUSTOMERS })
  const queue = [...plans]
  let failed_count = 0
  const worker = async () => {
    for (let plan = queue.shift(); plan; plan = queue.shift()) {
      await simulate(scene, { plan, customer: customers[plan.customer]!, code }).catch(error => {
        failed_count += 1
        console.log(`payment ${plan.number} threw: ${error instanceof Error ? error.stack : error}`)
      })
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  await sweep(scene)
  const { paid_count, double_count, missing_count, findings } = await judge(scene)
  for (const finding of findings.slice(0, 20)) console.log(finding)
  if (findings.length + failed_count > 0)
    console.log(`  reproduce: PAY_SEED=${seed} PAY_COUNT=${payment_count} bun test/payments/run.ts`)
  console.log(
    `seed ${seed}: ${payment_count} payments, ${paid_count} paid, ${double_count} double, ${missing_count} missing, ${findings.length + failed_count} violations`,
  )
  return findings.length + failed_count > 0 ? 1 : 0
}

/** 5 % of the answers are lost, 5 % of the events never come, the others come up to three times and in any order. */
function arm({ stripe }: PaymentScene): void {
  const { faults } = stripe.control
  faults.seed(seed)
  faults.someCalls(0.04, { kind: "lose-answer" })
  faults.someCalls(0.01, { kind: "answer-500" })
  faults.someDeliveries(0.05, { kind: "lose" })
  faults.someDeliveries(0.5, { kind: "duplicate", count: 2 })
  faults.someDeliveries(0.3, { kind: "reorder" })
}

interface Payment {
  plan: PaymentPlan
  customer: TestCustomer
  code: string
}

async function simulate(scene: PaymentScene, payment: Payment): Promise<void> {
  const { plan, customer } = payment
  const opened = await open(scene, payment)
  if (!opened) return
  const { control } = scene.stripe
  if (plan.page === "abandoned") return
  if (plan.page === "expired") return control.expire(opened.session_id)
  if (plan.page === "declined-first") await control.pay(opened.session_id, { card: "declined" })
  await control.pay(opened.session_id, { card: createTestCard(plan.card) })
  const path = `/api/v1/${opened.wallet}/stripe/confirm`
  const confirm = () => scene.send(path, { key: customer.key, body: { sessionId: opened.session_id } })
  const confirms = Array.from({ length: plan.confirm_count }, confirm)
  const answers = await Promise.all([...confirms, control.deliverPending()])
  for (const answer of answers)
    if (answer instanceof Response && ![200, 503].includes(answer.status))
      throw new Error(`confirm answered ${answer.status} ${await answer.text()}`)
  for (const what of plan.afterwards) await goOn(scene, { customer, what, session_id: opened.session_id })
}

/** The payment page; a checkout whose answer was lost is asked for again with its Idempotency-Key. */
async function open(scene: PaymentScene, { plan, customer, code }: Payment) {
  const is_cash = "amount_usd" in plan.buys
  const wallet = is_cash ? "cash-wallet" : "wallet"
  const body =
    "amount_usd" in plan.buys
      ? { amountUsd: plan.buys.amount_usd }
      : { packageId: plan.buys.package_id, ...(plan.has_code && { code }) }
  const headers = { "idempotency-key": `payment-${plan.number}` }
  for (let tries = 0; tries < 3; tries++) {
    const answer = await scene.send(`/api/v1/${wallet}/stripe/checkout`, { key: customer.key, body, headers })
    if (answer.status === 201)
      return { wallet, session_id: ((await answer.json()) as { sessionId: string }).sessionId }
    if (answer.status !== 503) throw new Error(`checkout answered ${answer.status} ${await answer.text()}`)
  }
  return undefined
}

interface Step {
  customer: TestCustomer
  what: PaymentPlan["afterwards"][number]
  session_id: string
}

async function goOn(scene: PaymentScene, { customer, what, session_id }: Step): Promise<void> {
  const { control } = scene.stripe
  const intent = String(control.objects.sessions.get(session_id)!.payment_intent)
  const price = control.objects.intents.get(intent)!.amount_received
  switch (what) {
    case "spend":
      return spend(scene, customer)
    case "refund":
      control.refund(intent)
      break
    case "partial-refund":
      control.refund(intent, Math.floor(price / 3))
      break
    case "failed-refund":
      control.failRefund(control.refund(intent, Math.ceil(price / 2)))
      break
    default: {
      const dispute = control.openDispute(intent)
      await control.deliverPending()
      control.closeDispute(dispute, what === "dispute-won" ? "won" : "lost")
    }
  }
  await control.deliverPending()
}

/** Cash for packages, then most of the credit that is there, so that a refund finds too little. */
async function spend(scene: PaymentScene, customer: TestCustomer): Promise<void> {
  const { app } = scene
  for (const packageId of ["vip-30", "plus", "starter"]) {
    const path = "/api/v1/cash-wallet/token-purchase"
    const { status } = await scene.send(path, { key: customer.key, body: { packageId } })
    if (![200, 402].includes(status)) throw new Error(`a package for cash answered ${status}`)
  }
  const row = await app.store.read.get<{ balance_nanos: number }>(
    "SELECT balance_nanos FROM ledger_account WHERE id = ?",
    `${customer.id}/token`,
  )
  const amount = Math.floor((row!.balance_nanos * 0.9) / 1e7) / 100
  if (amount <= 0) return
  const adjustment = {
    customer_id: customer.id,
    amount: amount.toFixed(2),
    reason: "spent",
    direction: "debit",
  } as const
  // Others spend at the same time: then there is too little, and nothing happens.
  await adjustCredit(app, adjustment).catch(() => {})
}

/** An hour later, with nothing failing any more: the sweeper alone must find everything that is missing. */
async function sweep(scene: PaymentScene): Promise<void> {
  scene.stripe.control.faults.clear()
  scene.clock.advance(HOUR_MS + 60_000)
  for (let pass = 0; pass < 20; pass++) await sweepPayments(scene.app)
}

async function makeCode({ app }: PaymentScene): Promise<string> {
  const now = app.clock.now()
  await app.store.tx(q =>
    q.run(
      `INSERT INTO bonus_code (code, source, percent, min_price_cents, max_use_count_per_customer, starts_at, is_enabled, created_at)
       VALUES ('SIMULATION', 'operator', 10, 0, 1000, ?, 1, ?)`,
      now - 1,
      now,
    ),
  )
  return "SIMULATION"
}

process.exit(await run())
