/** How much cash may be loaded at once: whole cents within the operator's limits. */
import { AppError } from "../../platform/errors.ts"
import type { Query } from "../../platform/store.ts"
import { centsToNanos, formatUsd, maxNanos, NANOS_PER_CENT, parseUsd } from "../ledger/nanos.ts"
import { getRule } from "../offers/rules.ts"

/** Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. */
const STRIPES_LEAST = centsToNanos(50)

/** USD as decimal text to cents. Throws `unprocessable` for anything but whole cents within the limits. */
export async function readCashAmount(q: Query, amount_usd: string): Promise<number> {
  const { min_usd, max_usd } = await getRule(q, "cash")
  const amount = parseUsd(amount_usd)
  const least = maxNanos(parseUsd(min_usd)!, STRIPES_LEAST)
  const most = parseUsd(max_usd)!
  if (amount !== undefined && amount % NANOS_PER_CENT === 0 && amount >= least && amount <= most)
    return amount / NANOS_PER_CENT
  throw new AppError(
    "unprocessable",
    `amountUsd must be whole cents from ${formatUsd(least)} to ${max_usd}, such as "25.00", not ${JSON.stringify(amount_usd)}.`,
    { code: "invalid_amount", field: "amountUsd" },
  )
}
