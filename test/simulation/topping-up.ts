/** Auto-topup: what a customer wants of it, charges that are claimed, and how each ends, told any number of times. */
import {
  claimJob,
  endFailed,
  endPaid,
  type AutoTopupJob as JobRow,
} from "../../src/wallet/auto-topup/jobs.ts"
import { setAutoTopup } from "../../src/wallet/auto-topup/settings.ts"
import { formatUsd } from "../../src/wallet/ledger/nanos.ts"
import { settlePayment } from "../../src/wallet/stripe/fulfil.ts"
import { asRead, foreseeSettling } from "./buying.ts"
import { launch } from "./launch.ts"
import { assertThat, type Customer, NANOS_PER_CENT } from "./oracle.ts"
import { type AutoTopupJob, endJob, hasDispute, mayClaim, setWish } from "./oracle-auto-topup.ts"
import { order, type Purchase } from "./oracle-purchases.ts"
import { OFFERS, stripeCustomerOf } from "./setting.ts"
import type { Fate, Paid } from "./till.ts"
import type { World } from "./world.ts"

/** Turns auto-topup on or off, from a balance on and up to a sum a month. */
export function wish(world: World, customer: Customer): void {
  const { oracle, random } = world
  const { id: package_id, price_cents } = random.pick(OFFERS)
  const is_enabled = random.chance(0.8)
  const monthly_cap_cents = random.pick([price_cents - 1, price_cents, 2 * price_cents, 1_000])
  const threshold = BigInt(random.between(1, 3_000_000_000))
  const usd = (nanos: bigint) => formatUsd(nanos)
  const change = {
    is_enabled,
    package_id,
    threshold_usd: usd(threshold),
    monthly_cap_usd: usd(BigInt(monthly_cap_cents) * NANOS_PER_CENT),
  }
  launch(world, {
    what: `auto-topup of ${customer.id}: ${JSON.stringify(change)}`,
    call: needs => needs.store.tx(q => setAutoTopup(q, needs, { customer_id: customer.id, change })),
    foresee() {
      if (is_enabled && monthly_cap_cents < price_cents) return { refusal: "invalid_amount" }
      if (is_enabled && hasDispute(oracle, customer)) return { refusal: "payment_disputed" }
      return {
        follow: () => setWish(oracle, customer, { is_enabled, threshold, package_id, monthly_cap_cents }),
      }
    },
  })
}

/** Claims the next charge, if there is to be one. */
export function claimCharge(world: World, customer: Customer): void {
  const { oracle, now } = world
  launch<JobRow | undefined>(world, {
    what: `auto-topup claim for ${customer.id}`,
    call: needs => needs.store.tx(q => claimJob(q, needs, { customer_id: customer.id, is_live: true })),
    foresee() {
      const is_due = mayClaim(oracle, customer, now)
      return {
        check(value) {
          assertThat(
            (value !== undefined) === is_due,
            () => `a charge of ${customer.id} should be claimed: ${is_due}`,
          )
          if (value) become(world, customer, value as JobRow)
        },
      }
    },
  })
}

function become({ oracle }: World, customer: Customer, row: JobRow): void {
  const offer = OFFERS.find(one => one.id === customer.auto_topup?.package_id)!
  const purchase: Purchase = {
    id: row.purchase_id,
    customer,
    kind: "auto-topup",
    package_id: offer.id,
    price_cents: offer.price_cents,
    credit: BigInt(offer.credit_nanos),
    bonus: 0n,
    vip_days: offer.vip_days,
    code: null,
    state: "open",
    intent: null,
    card: null,
    reference: null,
    paid_at: null,
    announced_count: 0,
  }
  order(oracle, purchase, undefined)
  oracle.journal.put(oracle.topup_jobs, row.id, {
    id: row.id,
    purchase,
    state: "claimed",
    created_at: row.created_at,
  })
}

/** The process hears what became of a charge, the first time or again; Stripe's answer is the same each time. */
export function conclude(world: World, job: AutoTopupJob): void {
  const { till, random } = world
  const fate = till.charges.get(job.id) ?? random.pick(till.fates)
  till.charges.set(job.id, fate)
  if (fate === "paid") concludePaid(world, job)
  else concludeFailed(world, job, fate)
}

const rowOf = ({ id, purchase }: AutoTopupJob): JobRow =>
  ({ id, customer_id: purchase.customer.id, purchase_id: purchase.id }) as JobRow

/** Two jobs of the store, as in a pass of auto-topup: the payment, then the end of the charge. */
function concludePaid(world: World, job: AutoTopupJob): void {
  const { oracle, now } = world
  const paid = paymentOf(world, job)
  launch(world, {
    what: `auto-topup ${job.id} was paid`,
    async call(needs) {
      await settlePayment(needs, { ...paid, purchase: asRead(job.purchase) })
      await needs.store.tx(q => endPaid(q, needs, rowOf(job)))
    },
    foresee: number =>
      number === 0
        ? foreseeSettling({ oracle, now }, paid)
        : { follow: () => oracle.topup_jobs.has(job.id) && endJob(oracle, job, "paid") },
  })
}

/** Also told by the webhook, like any other payment. */
function paymentOf({ till, now }: World, { id, purchase }: AutoTopupJob): Paid {
  const known = till.payments.find(one => one.job_id === id)
  if (known) return known
  const { customer } = purchase
  const { card } = customer
  const paid: Paid = {
    purchase_id: purchase.id,
    payment: {
      intent: `pi_${id}`,
      amount_cents: purchase.price_cents,
      currency: "usd",
      stripe_customer: stripeCustomerOf(customer.id),
      is_live: true,
      purchase_id: purchase.id,
      paid_at: now,
      card: card
        ? {
            payment_method_id: card.payment_method_id,
            fingerprint: card.fingerprint,
            brand: "visa",
            last4: "4242",
          }
        : null,
    },
    is_card_kept: false,
    job_id: id,
  }
  till.payments.push(paid)
  return paid
}

function concludeFailed(world: World, job: AutoTopupJob, state: Exclude<Fate, "paid">): void {
  const { oracle } = world
  launch(world, {
    what: `auto-topup ${job.id} was ${state}`,
    call: needs => needs.store.tx(q => endFailed(q, needs, { job: rowOf(job), state, failure: "simulated" })),
    foresee: () => ({ follow: () => oracle.topup_jobs.has(job.id) && endJob(oracle, job, state) }),
  })
}
