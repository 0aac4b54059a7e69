/** What happens to each simulated payment, decided by the seed alone: who pays what, how, and what goes wrong. */
import { createSeededRandom, type SeededRandom } from "../simulation/seeded-random.ts"

export const PACKAGES = ["starter", "standard", "plus", "pro", "team", "vip-30"] as const

export interface PaymentPlan {
  number: number
  customer: number
  /** A package, or an amount of cash. */
  buys: { package_id: string } | { amount_usd: string }
  has_code: boolean
  /** What happens on the payment page. */
  page: "paid" | "declined-first" | "abandoned" | "expired"
  card: number
  /** How many confirmations the customer's browser sends, at once with the webhook. */
  confirm_count: number
  /** What happens afterwards, in this order. */
  afterwards: ("refund" | "partial-refund" | "failed-refund" | "dispute-won" | "dispute-lost" | "spend")[]
}

const PAGES = [
  "paid",
  "paid",
  "paid",
  "paid",
  "paid",
  "paid",
  "declined-first",
  "abandoned",
  "expired",
] as const
const AFTERWARDS: readonly PaymentPlan["afterwards"][] = [
  [],
  [],
  [],
  [],
  ["spend"],
  ["refund"],
  ["spend", "refund"],
  ["partial-refund", "partial-refund"],
  ["partial-refund", "dispute-lost"],
  ["failed-refund"],
  ["dispute-won"],
  ["spend", "dispute-won"],
  ["spend", "dispute-lost"],
]

export function planPayments(
  seed: number,
  { payment_count, customer_count }: { payment_count: number; customer_count: number },
): PaymentPlan[] {
  const random = createSeededRandom(seed)
  return Array.from({ length: payment_count }, (_, number) => planOne(random, number, customer_count))
}

function planOne(random: SeededRandom, number: number, customer_count: number): PaymentPlan {
  const is_cash = random.chance(0.2)
  const page = random.pick(PAGES)
  const is_paid = page === "paid" || page === "declined-first"
  return {
    number,
    customer: random.int(customer_count),
    buys: is_cash
      ? { amount_usd: `${random.between(5, 200)}.${String(random.int(100)).padStart(2, "0")}` }
      : { package_id: random.pick(PACKAGES) },
    has_code: !is_cash && random.chance(0.2),
    page,
    card: random.int(customer_count * 2),
    confirm_count: random.pick([0, 0, 1, 1, 2, 3]),
    afterwards: is_paid ? random.pick(AFTERWARDS) : [],
  }
}
