/** Commissions on random histories of payments, refunds, disputes, returns, payouts and repeats of all of them. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { payDueCommissions } from "../../../src/wallet/rewards/commission.ts"
import { voidCommission } from "../../../src/wallet/rewards/operator.ts"
import { checkPropertyAsync } from "../../support/property.ts"
import { DAY_MS, openRewardStage, type RewardStage } from "../../support/rewards.ts"

/** `cus_1` brought `cus_2` and `cus_3`, who brought `cus_4`; which things a step is about, it picks by number. */
type Step =
  | { do: "buy"; buyer: number; cents: number }
  | { do: "reverse"; purchase: number; percent: number; kind: "refund" | "dispute" }
  | { do: "return"; reversal: number }
  | { do: "pay"; days: number }
  | { do: "spend"; cents: number }
  | { do: "void"; purchase: number }

/** Few, so that much happens to the same purchase. */
const number = fc.nat({ max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("buy" as const),
    buyer: fc.constantFrom(2, 3, 4, 2, 1),
    cents: fc.integer({ min: 50, max: 33_333 }),
  }),
  fc.record({
    do: fc.constant("reverse" as const),
    purchase: number,
    percent: fc.integer({ min: 1, max: 100 }),
    kind: fc.constantFrom("refund" as const, "dispute" as const),
  }),
  fc.record({ do: fc.constant("return" as const), reversal: number }),
  fc.record({ do: fc.constant("pay" as const), days: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ do: fc.constant("spend" as const), cents: fc.integer({ min: 1, max: 500 }) }),
  fc.record({ do: fc.constant("void" as const), purchase: number }),
)

const histories = (allowed: readonly Step["do"][]) =>
  fc.array(
    step.filter(one => allowed.includes(one.do)),
    { minLength: 10, maxLength: 30 },
  )

async function openHistory() {
  const stage = await openRewardStage(4)
  for (const [brought, referrer] of [
    ["cus_2", "cus_1"],
    ["cus_3", "cus_1"],
    ["cus_4", "cus_3"],
  ] as const)
    await stage.bring(brought, referrer)
  const purchases: { id: string; cents: number }[] = []
  const reversals: string[] = []
  const pick = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)]

  /** Does a step, and gives what does the same once more. */
  async function take(next: Step): Promise<() => Promise<unknown>> {
    switch (next.do) {
      case "buy": {
        const id = await stage.buy({ customer_id: `cus_${next.buyer}`, price_cents: next.cents })
        purchases.push({ id, cents: next.cents })
        return async () => {}
      }
      case "reverse": {
        const purchase = pick(purchases, next.purchase)
        if (!purchase) return async () => {}
        const reversal_id = `re_${reversals.length + 1}`
        reversals.push(reversal_id)
        const cents = Math.ceil((purchase.cents * next.percent) / 100)
        const reverse = () => stage.reverse(purchase.id, cents, { reversal_id, kind: next.kind })
        await reverse()
        return reverse
      }
      case "return": {
        const reversal_id = pick(reversals, next.reversal) ?? "re_none"
        await stage.giveBack(reversal_id)
        return () => stage.giveBack(reversal_id)
      }
      case "pay": {
        stage.clock.advance(next.days * DAY_MS)
        await payDueCommissions(stage.needs)
        return () => payDueCommissions(stage.needs)
      }
      case "spend": {
        // More than there is spends nothing.
        await stage.spend(next.cents)
        return async () => {}
      }
      case "void": {
        const purchase_id = pick(purchases, next.purchase)?.id ?? "ord_none"
        const refuse = () => voidCommission(stage.needs, { purchase_id, reason: "a ring" }).catch(() => {})
        await refuse()
        return refuse
      }
    }
  }
  return { stage, take, reversals }
}

const SUMS = `SELECT c.amount_nanos, c.reversed_nanos, c.state,
    (SELECT count(*) FROM ledger_transfer t WHERE t.id = 'referral:' || c.purchase_id) AS earned_count,
    (SELECT count(*) FROM ledger_transfer t WHERE t.id = 'referral:' || c.purchase_id || ':payout') AS paid_count,
    (SELECT coalesce(sum(CASE kind WHEN 'commission_reversed' THEN amount_nanos ELSE -amount_nanos END), 0)
      FROM ledger_transfer t WHERE t.group_id = c.purchase_id
        AND kind IN ('commission_reversed', 'commission_restored')) AS given_back
  FROM referral_commission c`

type Sum = Record<
  "amount_nanos" | "reversed_nanos" | "earned_count" | "paid_count" | "given_back",
  number
> & {
  state: string
}

async function checkCommissions(stage: RewardStage): Promise<void> {
  await stage.checkBooks()
  for (const sum of await stage.store.read.all<Sum>(SUMS)) {
    expect(sum.earned_count).toBe(1)
    expect(sum.paid_count).toBeLessThanOrEqual(sum.state === "paid" ? 1 : 0)
    expect(sum.given_back).toBeGreaterThanOrEqual(0)
    expect(sum.given_back).toBeLessThanOrEqual(sum.reversed_nanos)
    // Nobody spends what is pending: there it is taken to the nano.
    if (sum.state === "pending") expect(sum.given_back).toBe(sum.reversed_nanos)
  }
}

const countTransfers = async ({ store }: RewardStage): Promise<number> =>
  (await store.read.get<{ count: number }>("SELECT count(*) AS count FROM ledger_transfer"))!.count

test("no balance is ever negative, nothing is taken or given twice, and every step done again does nothing", async () => {
  const all = histories(["buy", "reverse", "return", "pay", "spend", "void"])
  await checkPropertyAsync(import.meta.path, all, async steps => {
    const { stage, take } = await openHistory()
    for (const next of steps) {
      const again = await take(next)
      await checkCommissions(stage)
      const count = await countTransfers(stage)
      await again()
      expect(await countTransfers(stage)).toBe(count)
    }
  })
})

test("when all reversals are returned and all is paid, each referrer has every commission, to the nano", async () => {
  // Without spending: what was spent cannot be taken, and so is not given back.
  await checkPropertyAsync(import.meta.path, histories(["buy", "reverse", "return", "pay"]), async steps => {
    const { stage, take, reversals } = await openHistory()
    for (const next of steps) await take(next)
    for (const reversal_id of reversals.toReversed()) await stage.giveBack(reversal_id)
    await take({ do: "pay", days: 20 })
    const sums = await stage.store.read.all<Sum>(SUMS)
    expect(sums.map(sum => [sum.state, sum.reversed_nanos, sum.given_back])).toEqual(
      sums.map(() => ["paid", 0, 0]),
    )
    await checkCommissions(stage)
  })
})
