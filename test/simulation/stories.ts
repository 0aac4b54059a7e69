/** Things that happen one after the other, or at once, so that rare states are met often. */
import { adjust, setFrozen } from "./adjusting.ts"
import { confirm, orderForPage, pay, pickReference, purchaseWithCash, redeem } from "./buying.ts"
import { firstHold, openRequest, type Wish } from "./opening.ts"
import { assertThat, type Customer } from "./oracle.ts"
import type { Purchase } from "./oracle-purchases.ts"
import {
  isClaimed,
  isOpenOrder,
  isReversible,
  pickCustomer,
  pickWithCard,
  withCharge,
  withOrder,
  withPayment,
} from "./picking.ts"
import { CARDS } from "./prices.ts"
import { pickReversal, takeBack, undo } from "./reversing.ts"
import { payCommissions } from "./rewarding.ts"
import { DAY_MS, HOLD_DAYS, MINUTE_MS } from "./setting.ts"
import { claimCharge, conclude, wish } from "./topping-up.ts"
import { settleDown, type World } from "./world.ts"

/** What was just ordered is paid, and the server told. */
export const buy = (world: World): Promise<void> => buyFor(world, pickCustomer(world))

async function buyFor(world: World, customer: Customer): Promise<void> {
  orderForPage(world, customer)
  await settleDown(world)
  const last = [...world.oracle.purchases.values()].at(-1)
  if (last && isOpenOrder(last) && !world.disk.is_down) confirm(world, pay(world, last))
}

/** A low balance is topped up; both the pass and the webhook may tell of it. When it fails the bank may take more. */
export async function topUp(world: World): Promise<void> {
  const customer = pickWithCard(world)
  world.now += 11 * MINUTE_MS
  if (world.random.chance(0.5)) wish(world, customer)
  await settleDown(world)
  claimCharge(world, customer)
  await settleDown(world)
  withCharge(world, isClaimed, one => conclude(world, one))
  if (world.random.chance(0.4)) withCharge(world, isClaimed, one => conclude(world, one))
  await settleDown(world)
  if (customer.auto_topup?.suspended_for) dispute(world, customer)
}

const dispute = (world: World, customer: Customer): void =>
  withOrder(
    world,
    one => isReversible(one) && one.customer === customer,
    one => takeBack(world, { ...pickReversal(world, one), id: world.newId("du"), kind: "dispute" }),
  )

/** Everything a customer has is gone. */
function drain(world: World, customer: Customer): void {
  for (const wallet of ["token", "cash"] as const) {
    const amount = customer.balances[wallet]
    if (amount > 0n) adjust(world, customer, { id: world.newId("drain"), wallet, direction: "debit", amount })
  }
}

/** The bank takes a payment back when all of it is spent: a debt, which the next money pays; then it is undone. */
export async function burden(world: World): Promise<void> {
  const { random } = world
  await settleDown(world)
  const paid = [...world.oracle.purchases.values()].filter(isReversible)
  if (paid.length === 0) return
  const purchase = random.pick(paid)
  const reversal = pickReversal(world, purchase)
  drain(world, purchase.customer)
  takeBack(world, reversal)
  await settleDown(world)
  if (random.chance(0.2)) setFrozen(world, purchase.customer, true)
  if (random.chance(0.4)) await payday(world)
  if (random.chance(0.6)) await buyFor(world, purchase.customer)
  if (random.chance(0.5)) setFrozen(world, purchase.customer, false)
  if (random.chance(0.6)) undo(world, reversal.id)
}

/** Loaded cash is spent and its payment taken back, in one or more parts; then some of it is undone. */
export async function spentCash(world: World): Promise<void> {
  const { random, oracle } = world
  await settleDown(world)
  const loads = [...oracle.purchases.values()].filter(one => isReversible(one) && one.kind === "cash-load")
  if (loads.length === 0) return
  const load = random.pick(loads)
  for (let count = random.between(1, 3); count > 0; count--) purchaseWithCash(world, load.customer)
  const reversals = Array.from({ length: random.between(1, 3) }, () => pickReversal(world, load))
  for (const reversal of reversals) takeBack(world, reversal)
  await settleDown(world)
  for (const { id } of reversals) if (random.chance(0.5)) undo(world, id)
  if (random.chance(0.5)) takeBack(world, pickReversal(world, load))
}

/** Two payments are heard of in the wrong order. */
export async function lateNews(world: World): Promise<void> {
  const customer = pickCustomer(world)
  for (let count = 2; count > 0; count--) orderForPage(world, customer)
  await settleDown(world)
  const orders = [...world.oracle.purchases.values()].filter(
    one => one.customer === customer && isOpenOrder(one),
  )
  const paid = orders.map(one => {
    world.now += MINUTE_MS
    return pay(world, one)
  })
  for (const one of paid.reverse()) confirm(world, one)
}

/** Days later everything is due. */
export async function payday(world: World): Promise<void> {
  await settleDown(world)
  world.now += HOLD_DAYS * DAY_MS
  payCommissions(world)
  if (world.random.chance(0.3)) payCommissions(world)
}

/** Mostly a plan payment by its own customer, the first time or again; else by anybody. */
export function redeemSome(world: World): void {
  const isPlan = (one: Purchase) => one.kind === "plan-payment"
  if (world.random.chance(0.3)) redeem(world, pickCustomer(world), pickReference(world))
  else withOrder(world, isPlan, one => redeem(world, one.customer, one.reference!))
}

/** Webhook, confirm and sweeper at once, while the bank already takes the money back. */
export function burst(world: World): void {
  withOrder(world, isOpenOrder, purchase => {
    const paid = pay(world, purchase)
    const reversal = pickReversal(world, purchase)
    for (let times = world.random.between(2, 4); times > 0; times--) confirm(world, paid)
    takeBack(world, reversal)
    takeBack(world, reversal)
    if (world.random.chance(0.5)) undo(world, reversal.id)
  })
}

/** A payment is told to be for another order too: it names neither an order nor a customer. */
export const confirmForAnother = (world: World): void =>
  withPayment(world, paid =>
    withOrder(world, isOpenOrder, ({ id: purchase_id, price_cents: amount_cents }) => {
      const payment = { ...paid.payment, amount_cents, purchase_id: null, stripe_customer: null }
      confirm(world, { ...paid, purchase_id, payment })
    }),
  )

/** Many requests at once on a wallet that covers exactly two of their holds. */
export async function stampede(world: World): Promise<void> {
  await settleDown(world)
  const customer = pickCustomer(world)
  const free = customer.balances.token
  if (world.disk.is_down || customer.is_frozen || free < 100_000n) return
  world.disk.disarm()
  const [rate_card] = CARDS
  const input = Number((free * 1000n * 2n) / (5n * BigInt(rate_card!.input_rate)))
  const wish: Wish = {
    rate_card: rate_card!,
    tier_asked: "default",
    estimated_input_tokens: input,
    max_output_tokens: 1,
  }
  const hold = firstHold(wish)
  if (hold * 2n > free || hold * 3n <= free) return
  const count = world.random.chance(0.2) ? 50 : world.random.between(3, 8)
  const requests = Array.from({ length: count }, () => openRequest(world, customer, wish))
  await settleDown(world)
  const open_count = requests.filter(request => request.phase === "open").length
  assertThat(
    open_count === 2,
    () => `${open_count} of ${count} requests at once were admitted on credit for 2`,
  )
}
