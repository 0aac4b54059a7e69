/** Choosing whom and what the next action is about. */
import type { Customer, Request } from "./oracle.ts"
import type { AutoTopupJob } from "./oracle-auto-topup.ts"
import type { Purchase, Reversal } from "./oracle-purchases.ts"
import type { Paid } from "./till.ts"
import type { World } from "./world.ts"

export const pickCustomer = ({ random, oracle }: World): Customer => random.pick(oracle.customers)

/** Mostly a customer with a card for auto-topup. */
export const pickWithCard = (world: World): Customer =>
  world.random.pick([...world.oracle.customers.filter(one => one.card), pickCustomer(world)])

/** An id that is mostly new, sometimes one that was used before. */
export const pickId = (world: World, customer: Customer): string =>
  world.random.chance(0.3) ? `${customer.id}_${world.random.int(4)}` : world.newId("adj")

const NANOS_PER_USD = 1_000_000_000

export const pickAmount = ({ random }: World): bigint =>
  BigInt(random.chance(0.3) ? random.between(1, 2_000) : random.between(1, NANOS_PER_USD / 2))

/** Does something with one of these, if there is one. */
export function withOne<Thing>(
  { random }: World,
  things: Iterable<Thing>,
  act: (thing: Thing) => void,
): void {
  const list = [...things]
  if (list.length > 0) act(random.pick(list))
}

/** The same with a request of this process that fits. */
export const withRequest = (
  world: World,
  fits: (request: Request) => boolean,
  act: (request: Request) => void,
): void =>
  withOne(
    world,
    world.oracle.requests.filter(request => request.meter && fits(request)),
    act,
  )

export const isRunning = (request: Request): boolean => !request.is_ending
export const hasBeenEnded = (request: Request): boolean => request.is_ending && !request.is_extending

export const withOrder = (
  world: World,
  fits: (one: Purchase) => boolean,
  act: (one: Purchase) => void,
): void => withOne(world, [...world.oracle.purchases.values()].filter(fits), act)

export const isForPage = ({ kind }: Purchase): boolean => kind === "package" || kind === "cash-load"
export const isOpenOrder = (purchase: Purchase): boolean => purchase.state === "open" && isForPage(purchase)
/** Nobody but the customer paid for what was bought with cash. */
export const isReversible = ({ state, kind }: Purchase): boolean =>
  state === "paid" && kind !== "cash-purchase"

/** What a bank or the operator knows of: not what was taken back for it. */
export const reversalsOf = ({ oracle }: World): Reversal[] =>
  [...oracle.reversals.values()].filter(one => !one.is_inner)

export const withPayment = (world: World, act: (one: Paid) => void): void =>
  withOne(world, world.till.payments, act)

export const withCharge = (
  world: World,
  fits: (one: AutoTopupJob) => boolean,
  act: (one: AutoTopupJob) => void,
): void => withOne(world, [...world.oracle.topup_jobs.values()].filter(fits), act)

export const isClaimed = ({ state }: AutoTopupJob): boolean => state === "claimed"
