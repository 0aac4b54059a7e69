/** The operator's commands for comparing our books with those of Stripe and the upstreams. */
import { toIso } from "../../platform/schema.ts"
import { formatUsd, type Nanos } from "../../wallet/ledger/nanos.ts"
import {
  type Comparison,
  listComparedDays,
  listDifferences,
  showDifferences,
} from "../../wallet/reconcile/comparison-book.ts"
import { type Day, findDay } from "../../wallet/reconcile/day.ts"
import {
  listSources,
  type ReconcileNeeds,
  reconcileDay,
  type Source,
} from "../../wallet/reconcile/sources.ts"
import { type Command, type CommandNeeds, positiveOf, UsageError, type Values } from "../command.ts"

type ReconcileCommandNeeds = CommandNeeds & ReconcileNeeds

const list: Command = {
  name: "reconcile list",
  summary: "Where our books and those of Stripe or an upstream differ, latest day first",
  options: { "source?": "stripe or upstream:<id>", "limit?": "rows" },
  async run(needs, values) {
    const found = await listDifferences(needs.store.read, pageOf(values))
    return found.map(one => ({
      day: one.day,
      source: one.source,
      ref: one.ref,
      oursUsd: usdOrNull(one.ours_nanos),
      theirsUsd: usdOrNull(one.theirs_nanos),
      finding: one.finding,
      foundAt: toIso(one.created_at),
    }))
  },
}

const days: Command = {
  name: "reconcile days",
  summary: "Days that were compared, newest first; stripe-fees is what Stripe kept",
  options: { "source?": "stripe, stripe-fees or upstream:<id>", "limit?": "rows" },
  async run(needs, values) {
    const compared = await listComparedDays(needs.store.read, pageOf(values))
    return compared.map(one => ({
      ...toOutput(one, one.difference_count),
      comparedAt: toIso(one.created_at),
    }))
  },
}

const run: Command = {
  name: "reconcile run",
  summary: "Compare a finished day now, again if it was compared before",
  options: { day: "2026-01-31, UTC", "source?": "stripe or upstream:<id>; all unless told" },
  async run(needs: ReconcileCommandNeeds, values) {
    const day = readFinishedDay(values.day!, needs.clock.now())
    const compared = []
    for (const source of readSources(needs, values.source)) {
      const comparison = await reconcileDay(needs, { source, day })
      compared.push(toOutput(comparison, comparison.differences.length))
    }
    await showDifferences(needs)
    return compared
  },
}

export const reconcileCommands: readonly Command[] = [list, days, run]

const pageOf = (values: Values) => ({
  source: values.source ?? null,
  limit: positiveOf(values, "limit", 100),
})

/** Throws UsageError. */
function readFinishedDay(name: string, now: number): Day {
  const day = findDay(name)
  if (!day) throw new UsageError(`--day must be a day such as 2026-01-31, not ${name}`)
  if (day.end_at > now) throw new UsageError(`${name} is not over (days are UTC)`)
  return day
}

/** Throws UsageError where there is nothing to compare with. */
function readSources(needs: ReconcileNeeds, name: string | undefined): Source[] {
  const all = listSources(needs)
  const asked = all.filter(source => name === undefined || source.name === name)
  if (asked.length > 0) return asked
  const names = all.map(source => source.name).join(", ") || "none; set STRIPE_SECRET_KEY or an admin key"
  throw new UsageError(`there is nothing to compare with; sources are: ${names}`)
}

const usdOrNull = (nanos: Nanos | null): string | null => (nanos === null ? null : formatUsd(nanos))

type Totals = Pick<Comparison, "source" | "day" | "compared_count" | "ours_nanos" | "theirs_nanos">

const toOutput = (one: Totals, differenceCount: number) => ({
  day: one.day,
  source: one.source,
  comparedCount: one.compared_count,
  oursUsd: formatUsd(one.ours_nanos),
  theirsUsd: formatUsd(one.theirs_nanos),
  differenceCount,
})
