/** Everything that can happen in a simulated run, and how often. */
import { adjust, postLinked, setFrozen } from "./adjusting.ts"
import {
  accept,
  confirm,
  endUnpaid,
  orderForPage,
  pay,
  pickReference,
  purchaseWithCash,
  recordPlan,
} from "./buying.ts"
import { endRequest, pickOutcome } from "./ending.ts"
import { deliver, extend } from "./extending.ts"
import { armCrash, armFault, assertLaws, crash, recoverAlive } from "./failing.ts"
import { openRequest, pickWish } from "./opening.ts"
import type { Request } from "./oracle.ts"
import {
  hasBeenEnded,
  isClaimed,
  isForPage,
  isOpenOrder,
  isReversible,
  isRunning,
  pickAmount,
  pickCustomer,
  pickId,
  pickWithCard,
  reversalsOf,
  withCharge,
  withOne,
  withOrder,
  withPayment,
  withRequest,
} from "./picking.ts"
import { pickReversal, takeBack, undo } from "./reversing.ts"
import { claim, payCommissions } from "./rewarding.ts"
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./setting.ts"
import {
  burden,
  burst,
  buy,
  confirmForAnother,
  lateNews,
  payday,
  redeemSome,
  spentCash,
  stampede,
  topUp,
} from "./stories.ts"
import { claimCharge, conclude, wish } from "./topping-up.ts"
import { settleDown, type World } from "./world.ts"

export interface Action {
  name: string
  /** How often, of about 280 on average. */
  weight: number
  act(world: World): void | Promise<void>
}

const end = (world: World, request: Request) => endRequest(world, request, pickOutcome(world, request))

export const ACTIONS: readonly Action[] = [
  { name: "open", weight: 32, act: world => void openRequest(world, pickCustomer(world), pickWish(world)) },
  {
    name: "deliver",
    weight: 36,
    act: world => withRequest(world, isRunning, request => deliver(world, request)),
  },
  { name: "end", weight: 22, act: world => withRequest(world, isRunning, request => end(world, request)) },
  {
    name: "end again",
    weight: 4,
    act: world => withRequest(world, hasBeenEnded, request => end(world, request)),
  },
  {
    name: "two ends at once",
    weight: 6,
    act: world =>
      withRequest(world, isRunning, request => {
        end(world, request)
        end(world, request)
      }),
  },
  {
    name: "hold after the end",
    weight: 4,
    act: world => withRequest(world, hasBeenEnded, request => extend(world, request)),
  },
  {
    name: "adjust",
    weight: 14,
    act(world) {
      const customer = pickCustomer(world)
      const direction = world.random.chance(0.6) ? "credit" : "debit"
      const wallet = world.random.chance(0.6) ? "token" : "cash"
      adjust(world, customer, { id: pickId(world, customer), wallet, direction, amount: pickAmount(world) })
    },
  },
  {
    name: "repeat an adjustment",
    weight: 3,
    act(world) {
      const customer = pickCustomer(world)
      const made = [...world.oracle.transfers.values()].filter(
        ({ id, from, to }) => /^admin:(?!linked)/.test(id) && `${from} ${to}`.includes(customer.id),
      )
      if (made.length === 0) return
      const { id, from, to, amount } = world.random.pick(made)
      const direction = from.startsWith("system/") ? "credit" : "debit"
      const wallet = `${from} ${to}`.includes("/cash") ? "cash" : "token"
      adjust(world, customer, { id: id.slice("admin:".length), wallet, direction, amount })
    },
  },
  {
    name: "link",
    weight: 4,
    act: world =>
      postLinked(world, pickCustomer(world), { credit: pickAmount(world), debit: pickAmount(world) }),
  },
  {
    name: "freeze or thaw",
    weight: 6,
    act: world => setFrozen(world, pickCustomer(world), world.random.chance(0.4)),
  },
  { name: "order", weight: 10, act: world => orderForPage(world, pickCustomer(world)) },
  {
    name: "pay",
    weight: 9,
    act: world => withOrder(world, isOpenOrder, purchase => confirm(world, pay(world, purchase))),
  },
  {
    name: "buy",
    weight: 12,
    act: buy,
  },
  {
    name: "pay again",
    weight: 2,
    act: world => withOrder(world, isForPage, one => confirm(world, pay(world, one))),
  },
  {
    name: "pay unheard",
    weight: 5,
    act: world => withOrder(world, isOpenOrder, one => void pay(world, one)),
  },
  { name: "confirm again", weight: 8, act: world => withPayment(world, paid => confirm(world, paid)) },
  { name: "confirm for another", weight: 3, act: confirmForAnother },
  { name: "burst", weight: 3, act: burst },
  {
    name: "end an order",
    weight: 4,
    act: world =>
      withOrder(
        world,
        () => true,
        one => endUnpaid(world, one),
      ),
  },
  {
    name: "accept",
    weight: 2,
    act: world =>
      withOrder(
        world,
        one => one.state === "mismatch",
        one => accept(world, one, world.newId("pi")),
      ),
  },
  { name: "buy with cash", weight: 6, act: world => purchaseWithCash(world, pickCustomer(world)) },
  {
    name: "record a plan",
    weight: 3,
    act: world => recordPlan(world, pickCustomer(world), pickReference(world)),
  },
  { name: "redeem", weight: 5, act: redeemSome },
  {
    name: "reverse",
    weight: 9,
    act: world => withOrder(world, isReversible, one => takeBack(world, pickReversal(world, one))),
  },
  {
    name: "reverse again",
    weight: 3,
    act: world => withOne(world, reversalsOf(world), one => takeBack(world, one)),
  },
  {
    name: "return",
    weight: 7,
    act: world => withOne(world, [...reversalsOf(world), { id: "re_unknown" }], ({ id }) => undo(world, id)),
  },
  { name: "check in", weight: 7, act: world => claim(world, pickCustomer(world), "check-in") },
  { name: "share", weight: 5, act: world => claim(world, pickCustomer(world), "share") },
  { name: "pay commissions", weight: 5, act: payCommissions },
  { name: "burden", weight: 5, act: burden },
  { name: "spent cash", weight: 5, act: spentCash },
  { name: "late news", weight: 4, act: lateNews },
  { name: "payday", weight: 5, act: payday },
  { name: "wish for top-ups", weight: 4, act: world => wish(world, pickWithCard(world)) },
  { name: "top up", weight: 7, act: topUp },
  { name: "claim a charge", weight: 5, act: world => claimCharge(world, pickWithCard(world)) },
  {
    name: "conclude a charge",
    weight: 6,
    act: world => withCharge(world, isClaimed, one => conclude(world, one)),
  },
  {
    name: "conclude again",
    weight: 2,
    act: world =>
      withCharge(
        world,
        () => true,
        one => conclude(world, one),
      ),
  },
  {
    name: "time passes",
    weight: 10,
    act(world) {
      world.now += world.random.pick([11 * MINUTE_MS, 3 * HOUR_MS, DAY_MS, DAY_MS])
    },
  },
  { name: "stampede", weight: 1, act: stampede },
  { name: "recover alive", weight: 2, act: recoverAlive },
  { name: "fault", weight: 6, act: armFault },
  { name: "crash soon", weight: 3, act: armCrash },
  { name: "crash", weight: 1, act: crash },
  {
    name: "check",
    weight: 8,
    async act(world) {
      await settleDown(world)
      if (!world.disk.is_down) assertLaws(world)
    },
  },
]
