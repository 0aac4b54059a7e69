/** Orders and what becomes of them: paid once however often it is told, ended unpaid, or paid wrongly. */

import { acceptMismatch } from "../../src/wallet/purchases/operator.ts"
import {
  endPurchase,
  type Order,
  openPurchase,
  type Purchase as PurchaseRow,
} from "../../src/wallet/purchases/purchases.ts"
import { buyWithCash, recordPlanPayment, redeemPlanPayment } from "../../src/wallet/purchases/redeem.ts"
import { type Fulfilment, settlePayment } from "../../src/wallet/stripe/fulfil.ts"
import type { Payment } from "../../src/wallet/stripe/payment.ts"
import { type Foreseen, launch } from "./launch.ts"
import { assertThat, type Customer, NANOS_PER_CENT, type Oracle } from "./oracle.ts"
import { keepCard } from "./oracle-auto-topup.ts"
import { canEnd, credit, end, order, type Purchase, useCode } from "./oracle-purchases.ts"
import { CODES, OFFERS, stripeCustomerOf } from "./setting.ts"
import type { Paid } from "./till.ts"
import type { World } from "./world.ts"

/** Often the scarcest code; another one, one that does not exist, or none. */
const pickCode = ({ random }: World): string | undefined =>
  random.pick([
    undefined,
    undefined,
    undefined,
    CODES[0]!.code,
    CODES[0]!.code,
    "NOSUCH",
    ...CODES.map(one => one.code),
  ])

type Wanted = Pick<Order, "customer_id" | "kind" | "code" | "reference"> & {
  offer: (typeof OFFERS)[number] | undefined
  price_cents: number
}

/** A package or a cash load for the payment page. */
export function orderForPage(world: World, customer: Customer): void {
  const { random, oracle, now } = world
  const is_load = random.chance(0.3)
  const offer = is_load ? undefined : random.pick(OFFERS)
  const wanted: Wanted = {
    customer_id: customer.id,
    kind: is_load ? "cash-load" : "package",
    offer,
    price_cents: offer?.price_cents ?? random.between(50, 200),
    code: is_load ? undefined : pickCode(world),
  }
  launch<PurchaseRow>(world, {
    what: `order ${wanted.kind} ${offer?.id ?? wanted.price_cents} for ${customer.id} with ${wanted.code}`,
    call: needs => needs.store.tx(q => openPurchase(q, needs, { ...wanted, is_live: true })),
    foresee: () => foreseeOrder({ oracle, now }, customer, wanted),
  })
}

/** What an order must be, or why there is none; `paid` does what follows at once. */
export function foreseeOrder(
  { oracle, now }: Pick<World, "oracle" | "now">,
  customer: Customer,
  wanted: Wanted,
  paid?: (purchase: Purchase) => void,
): Foreseen {
  const { offer, price_cents } = wanted
  const given = BigInt(offer?.credit_nanos ?? 0)
  const used =
    wanted.code === undefined
      ? undefined
      : useCode(oracle, now, { code: wanted.code, customer, price_cents, credit: given })
  if (used && "refusal" in used) return used
  let row: PurchaseRow
  return {
    check(value) {
      row = value as PurchaseRow
      const isRight =
        row.customer_id === customer.id &&
        row.price_cents === price_cents &&
        BigInt(row.credit_nanos) === given &&
        BigInt(row.bonus_nanos) === (used?.bonus ?? 0n)
      assertThat(
        isRight,
        () => `ordered ${price_cents} cents with ${used?.bonus ?? 0n} bonus, got ${JSON.stringify(row)}`,
      )
    },
    follow() {
      const purchase = toPurchase(customer, wanted, { id: row.id, bonus: used?.bonus ?? 0n })
      order(oracle, purchase, used?.use)
      paid?.(purchase)
    },
  }
}

const toPurchase = (customer: Customer, wanted: Wanted, made: { id: string; bonus: bigint }): Purchase => ({
  ...made,
  customer,
  kind: wanted.kind,
  package_id: wanted.offer?.id ?? null,
  price_cents: wanted.price_cents,
  credit: BigInt(wanted.offer?.credit_nanos ?? 0),
  vip_days: wanted.offer?.vip_days ?? 0,
  code: wanted.code ?? null,
  state: "open",
  intent: null,
  card: null,
  reference: wanted.reference ?? null,
  paid_at: null,
  announced_count: 0,
})

const CARDS = ["card_a", "card_b", "card_c"]

/** The customer pays: rightly, or what was not ordered. The server hears of it later, or never. */
export function pay(world: World, purchase: Purchase): Paid {
  const { random, till } = world
  const payment: Payment = {
    intent: world.newId("pi"),
    amount_cents: purchase.price_cents,
    currency: "usd",
    stripe_customer: random.chance(0.7) ? stripeCustomerOf(purchase.customer.id) : null,
    is_live: true,
    purchase_id: random.chance(0.7) ? purchase.id : null,
    paid_at: world.now,
    card: random.chance(0.8) ? cardOf(random.pick(CARDS), purchase.customer) : null,
  }
  const wrong = random.chance(0.15) ? random.pick(DEVIATIONS)(payment) : {}
  const paid = {
    purchase_id: purchase.id,
    payment: { ...payment, ...wrong },
    is_card_kept: random.chance(0.4),
    job_id: undefined,
  }
  till.payments.push(paid)
  return paid
}

const cardOf = (fingerprint: string, { id }: Customer) => ({
  payment_method_id: `pm_${id}_${fingerprint}`,
  fingerprint,
  brand: "visa",
  last4: "4242",
})

/** What a payment can have that its order has not. */
const DEVIATIONS: readonly ((payment: Payment) => Partial<Payment>)[] = [
  ({ amount_cents }) => ({ amount_cents: amount_cents - 1 }),
  () => ({ currency: "eur" }),
  () => ({ is_live: false }),
  () => ({ stripe_customer: "stripe_of_somebody" }),
  () => ({ purchase_id: "ord_of_somebody" }),
]

/** The server is told of a payment by webhook, confirm or sweeper: all three end here. */
export function confirm(world: World, paid: Paid): void {
  const { oracle, now } = world
  const known = oracle.purchases.get(paid.purchase_id)
  if (!known) return
  const purchase = asRead(known)
  launch<Fulfilment>(world, {
    what: `confirm ${paid.payment.intent} for ${purchase.id}`,
    call: needs => settlePayment(needs, { ...paid, purchase }),
    foresee: () => foreseeSettling({ oracle, now }, paid),
  })
}

/** The purchase as a caller has read it some time ago: what counts is read again. */
export const asRead = ({ id, customer }: Purchase): PurchaseRow =>
  ({ id, customer_id: customer.id }) as PurchaseRow

/** What telling of a payment must do. */
export function foreseeSettling({ oracle, now }: Pick<World, "oracle" | "now">, paid: Paid): Foreseen {
  const purchase = oracle.purchases.get(paid.purchase_id)
  // Its order was undone by a fault.
  if (!purchase) return { refusal: "*" }
  if (!isOrdered(paid, purchase)) {
    return { check: checkKind("mismatch"), follow: () => end(oracle, purchase, "mismatch") }
  }
  if (purchase.state === "paid") return { check: checkKind("credited-before") }
  const { payment } = paid
  if (hasPaidAnother(oracle, payment.intent, purchase)) return { refusal: "*" }
  return {
    check: checkKind("credited"),
    follow() {
      const card = payment.card?.fingerprint ?? null
      const paid_at = payment.paid_at ?? now
      credit(oracle, purchase, { paid_at, now, intent: payment.intent, card })
      if (paid.is_card_kept && payment.card)
        keepCard(oracle, purchase.customer, { ...payment.card, failure_count: 0, given_at: paid_at })
    },
  }
}

const checkKind = (kind: Fulfilment["kind"]) => (value: unknown) =>
  assertThat((value as Fulfilment).kind === kind, () => `should be ${kind}, is ${JSON.stringify(value)}`)

function isOrdered({ payment }: Paid, purchase: Purchase): boolean {
  const own = stripeCustomerOf(purchase.customer.id)
  return (
    payment.amount_cents === purchase.price_cents &&
    payment.currency === "usd" &&
    payment.is_live &&
    (payment.purchase_id ?? purchase.id) === purchase.id &&
    (payment.stripe_customer ?? own) === own &&
    (purchase.intent ?? payment.intent) === payment.intent
  )
}

/** A payment pays once, whatever it is told to be for. */
const hasPaidAnother = ({ purchases }: Oracle, intent: string, purchase: Purchase): boolean =>
  [...purchases.values()].some(one => one !== purchase && one.intent === intent)

/** An order ends without money. */
export function endUnpaid(world: World, purchase: Purchase): void {
  const { oracle, random } = world
  const state = random.pick(["expired", "failed"] as const)
  launch<boolean>(world, {
    what: `end ${purchase.id} as ${state}`,
    call: needs =>
      needs.store.tx(q => endPurchase(q, needs, { purchase_id: purchase.id, state, failure: "simulated" })),
    foresee() {
      if (!oracle.purchases.has(purchase.id)) return { refusal: "not_found" }
      const can_end = canEnd(purchase, state)
      return {
        check: value =>
          assertThat(value === can_end, () => `${purchase.id} should end: ${can_end}, is ${value}`),
        follow: () => end(oracle, purchase, state),
      }
    },
  })
}

/** The operator credits what was paid wrongly. */
export function accept(world: World, purchase: Purchase, intent: string): void {
  const { oracle, now } = world
  launch<PurchaseRow>(world, {
    what: `accept ${intent} for ${purchase.id}`,
    call: needs => acceptMismatch(needs, { purchase_id: purchase.id, intent }),
    foresee() {
      if (!oracle.purchases.has(purchase.id)) return { refusal: "not_found" }
      if (purchase.state !== "mismatch" || hasPaidAnother(oracle, intent, purchase))
        return { refusal: "conflict" }
      return { follow: () => credit(oracle, purchase, { paid_at: now, now, intent, card: null }) }
    },
  })
}

/** A package from the Cash Wallet, in one step. */
export function purchaseWithCash(world: World, customer: Customer): void {
  const { oracle, random, now } = world
  const offer = random.pick(OFFERS)
  const code = pickCode(world)
  const wanted: Wanted = {
    customer_id: customer.id,
    kind: "cash-purchase",
    offer,
    price_cents: offer.price_cents,
    code,
  }
  launch<PurchaseRow>(world, {
    what: `buy ${offer.id} for ${customer.id} with cash and ${code}`,
    call: needs =>
      buyWithCash(
        needs,
        { customer_id: customer.id, package_id: offer.id, code },
        async (_, purchase) => purchase,
      ),
    foresee() {
      const ordered = foreseeOrder({ oracle, now }, customer, wanted, purchase =>
        credit(oracle, purchase, { paid_at: now, now, intent: null, card: null }),
      )
      const is_covered = customer.balances.cash >= BigInt(offer.price_cents) * NANOS_PER_CENT
      return "refusal" in ordered || is_covered ? ordered : { refusal: "payment_required" }
    },
  })
}

/** Few references, so that some are recorded twice and redeemed by the wrong customer. */
export const pickReference = ({ random }: World): string => `plan_${random.int(3)}`

/** The operator records a payment that came another way. */
export function recordPlan(world: World, customer: Customer, reference: string): void {
  const { oracle, now } = world
  const offer = world.random.pick(OFFERS)
  const wanted: Wanted = {
    customer_id: customer.id,
    kind: "plan-payment",
    offer,
    price_cents: offer.price_cents,
    code: undefined,
    reference,
  }
  launch<PurchaseRow>(world, {
    what: `record ${reference} for ${customer.id}`,
    call: needs => recordPlanPayment(needs, { customer_id: customer.id, offer, reference }),
    foresee: () =>
      findPlan(oracle, reference)
        ? { refusal: "reference_known" }
        : foreseeOrder({ oracle, now }, customer, wanted),
  })
}

const findPlan = ({ purchases }: Oracle, reference: string): Purchase | undefined =>
  [...purchases.values()].find(one => one.reference === reference)

/** A customer redeems a plan payment. */
export function redeem(world: World, customer: Customer, reference: string): void {
  const { oracle, now } = world
  launch<PurchaseRow>(world, {
    what: `redeem ${reference} for ${customer.id}`,
    call: needs =>
      redeemPlanPayment(needs, { customer_id: customer.id, reference }, async (_, purchase) => purchase),
    foresee() {
      const purchase = findPlan(oracle, reference)
      if (purchase?.customer !== customer) return { refusal: "unknown_reference" }
      if (purchase.state !== "open")
        return { refusal: purchase.state === "paid" ? "already_redeemed" : "not_redeemable" }
      return { follow: () => credit(oracle, purchase, { paid_at: now, now, intent: null, card: null }) }
    },
  })
}
