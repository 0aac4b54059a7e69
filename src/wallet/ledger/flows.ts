/** What moved between which kinds of account, summed over the whole ledger in one reading. */
import type { Query } from "../../platform/store.ts"
import type { Ledger } from "./chart.ts"

/** All transfers of one kind, one ledger and one way. */
export interface Flow {
  ledger: Ledger
  kind: string
  /** A system account, or `customers/<kind>` for the accounts of all customers. */
  from: string
  to: string
  /** Money went from one customer to another. */
  is_between_customers: boolean
  transfer_count: number
  nanos: bigint
  /** One of its transfers. */
  example: string
}

/** The same account for every customer: `cus_…/token` is `customers/token`; a system account is itself. */
export function labelOf(account: string): string {
  if (account.startsWith("system/")) return account
  const slash = account.indexOf("/")
  return slash === -1 ? `customers/${account}` : `customers${account.slice(slash)}`
}

interface FlowRow {
  id: string
  ledger: Ledger
  kind: string
  from_account: string
  to_account: string
  amount_nanos: number
}

const PAGE = 2_000
const NEXT = `SELECT id, ledger, kind, from_account, to_account, amount_nanos
  FROM ledger_transfer WHERE id > ? ORDER BY id LIMIT ${PAGE}`

/**
 * Every flow there is, a few dozen, whatever the size of the ledger. Summed here and not by SQLite, which would sort all
 * transfers by their way: that takes three times as long.
 */
export async function readFlows(q: Query): Promise<Flow[]> {
  const flows = new Map<string, Flow>()
  for (let after = ""; ; ) {
    const rows = await q.all<FlowRow>(NEXT, after)
    for (const row of rows) addTo(flows, row)
    if (rows.length < PAGE) break
    after = rows.at(-1)!.id
  }
  return [...flows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, flow]) => flow)
}

function addTo(flows: Map<string, Flow>, row: FlowRow): void {
  const from = labelOf(row.from_account)
  const to = labelOf(row.to_account)
  const is_between_customers = from !== row.from_account && to !== row.to_account && !isSameOwner(row)
  const key = `${row.ledger} ${row.kind} ${from} ${to}${is_between_customers ? " !" : ""}`
  let flow = flows.get(key)
  if (!flow) {
    const { id: example, ledger, kind } = row
    flow = { ledger, kind, from, to, is_between_customers, transfer_count: 0, nanos: 0n, example }
    flows.set(key, flow)
  }
  flow.transfer_count += 1
  flow.nanos += BigInt(row.amount_nanos)
}

function isSameOwner({ from_account, to_account }: FlowRow): boolean {
  const slash = from_account.indexOf("/")
  return to_account.startsWith(from_account.slice(0, slash + 1))
}
