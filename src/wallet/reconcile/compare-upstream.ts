/** A day's cost report of an upstream compared with our receipts; nothing is changed by it. */
import { VENDORS } from "../../platform/config.ts"
import type { Query, Store } from "../../platform/store.ts"
import { formatUsd, maxNanos, type Nanos, subtractNanos, toNanos } from "../ledger/nanos.ts"
import type { Comparison, Difference } from "./comparison-book.ts"
import { type CostReportNeeds, type DayCost, readDayCost, type Vendor } from "./cost-report.ts"
import type { Day } from "./day.ts"
import { readReceiptCost } from "./receipt-cost.ts"

export interface CompareUpstreamNeeds extends CostReportNeeds {
  store: Store
}

/** Below this they agree: reports round, and a request at midnight counts to either day. */
const LEAST_NANOS = 10_000_000
const ONE_PERCENT = 100

/** Throws `upstream` when there is no report to read. */
export async function compareUpstream(
  needs: CompareUpstreamNeeds,
  { vendor, key, day }: { vendor: Vendor; key: string; day: Day },
): Promise<Comparison> {
  const { read } = needs.store
  const base_url = await readAddress(read, vendor)
  const theirs = await readDayCost(needs, { vendor, base_url, key, day })
  const ours = await readReceiptCost(read, { upstream_id: vendor, day })
  return {
    source: `upstream:${vendor}`,
    day: day.name,
    compared_count: ours.request_count,
    ours_nanos: ours.nanos,
    theirs_nanos: theirs.nanos,
    differences: judge(vendor, { ours: ours.nanos, theirs }),
    upstream_id: vendor,
  }
}

/** Where the upstream of this name is asked for models; the vendor's own address where there is none any more. */
async function readAddress(q: Query, vendor: Vendor): Promise<string> {
  const row = await q.get<{ base_url: string }>("SELECT base_url FROM upstream WHERE id = ?", vendor)
  return row?.base_url ?? VENDORS.find(({ id }) => id === vendor)!.base_url
}

function judge(vendor: Vendor, { ours, theirs }: { ours: Nanos; theirs: DayCost }): Difference[] {
  const differences: Difference[] = []
  const words = `${vendor} reports $${formatUsd(theirs.nanos)}, our receipts have $${formatUsd(ours)} by their rate cards`
  const amounts = { ref: vendor, ours_nanos: ours, theirs_nanos: theirs.nanos }
  const gap = subtractNanos(theirs.nanos, ours)
  const tolerance = Math.max(LEAST_NANOS, Math.floor(maxNanos(ours, theirs.nanos) / ONE_PERCENT))
  if (Math.abs(gap) > tolerance) {
    const size = formatUsd(toNanos(Math.abs(gap)))
    const why =
      gap > 0
        ? `$${size} more: the key is used elsewhere too, or the rate cards are below cost`
        : `$${size} less: the rate cards are above cost, or the report is of another organization`
    differences.push({ ...amounts, key: "cost", finding: `${words}; ${why}` })
  }
  if (theirs.others.length > 0) {
    const finding = `${vendor} reports amounts that are not in usd: ${theirs.others.join(", ")}`
    differences.push({ ref: vendor, ours_nanos: null, theirs_nanos: null, key: "currency", finding })
  }
  return differences
}
