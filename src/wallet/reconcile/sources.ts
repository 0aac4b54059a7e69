/** The outside books that there are to compare with, and comparing one day with one of them. */

import Stripe from "stripe"
import { HOUR_MS } from "../../platform/clock.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import type { Log } from "../../platform/log.ts"
import type { Metrics } from "../../platform/metrics.ts"
import { formatUsd } from "../ledger/nanos.ts"
import type { PaymentNeeds } from "../stripe/account.ts"
import { compareStripe } from "./compare-stripe.ts"
import { compareUpstream } from "./compare-upstream.ts"
import { type BookNeeds, type Comparison, saveComparison } from "./comparison-book.ts"
import type { CostReportNeeds, Vendor } from "./cost-report.ts"
import type { Day } from "./day.ts"

export interface ReconcileNeeds extends BookNeeds, CostReportNeeds, PaymentNeeds {
  log: Log
  metrics: Pick<Metrics, "reconciliation_differences">
  config: Pick<Config, "cost_report_keys">
}

export interface Source {
  /** `stripe`, or `upstream:<id>`. */
  name: string
  /** How long after its end a day is compared: until then the outside book may still change. */
  wait_ms: number
  /** Throws when the outside book cannot be read. */
  compare(day: Day): Promise<Comparison>
}

const VENDORS_WITH_REPORT = ["openai", "anthropic"] as const satisfies readonly Vendor[]

/**
 * Stripe where it takes payments (the demo forgets everything at a restart), and each vendor for whose cost report a
 * key is given.
 */
export function listSources(needs: ReconcileNeeds): Source[] {
  const account = needs.payments.find()
  const stripe: Source[] =
    account && !account.is_demo
      ? [
          {
            name: "stripe",
            wait_ms: 6 * HOUR_MS,
            compare: day => compareStripe(needs, { account, day }).catch(throwReadable),
          },
        ]
      : []
  const upstreams = VENDORS_WITH_REPORT.flatMap((vendor): Source[] => {
    const key = needs.config.cost_report_keys[vendor]
    if (key === undefined) return []
    const compare = (day: Day) => compareUpstream(needs, { vendor, key, day })
    return [{ name: `upstream:${vendor}`, wait_ms: 24 * HOUR_MS, compare }]
  })
  return [...stripe, ...upstreams]
}

/** The operator may have asked for it on the command line. */
function throwReadable(error: unknown): never {
  if (!(error instanceof Stripe.errors.StripeError)) throw error
  throw new AppError("upstream", `Stripe's balance could not be read: ${error.message}`, {
    code: "balance_unreadable",
  })
}

/** Compares a day and writes what came of it; a repeat replaces it. Throws when the outside book cannot be read. */
export async function reconcileDay(
  needs: ReconcileNeeds,
  { source, day }: { source: Source; day: Day },
): Promise<Comparison> {
  const comparison = await source.compare(day)
  await saveComparison(needs, comparison)
  const { differences } = comparison
  if (differences.length > 0) {
    needs.log.warn("our books and an outside one differ: see `codexapi admin reconcile list`", {
      source: source.name,
      day: day.name,
      difference_count: differences.length,
      ours_usd: formatUsd(comparison.ours_nanos),
      theirs_usd: formatUsd(comparison.theirs_nanos),
    })
  }
  return comparison
}
