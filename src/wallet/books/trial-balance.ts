/** The trial balance: what each kind of account gave, took and holds; both ledgers add up to zero. */
import type { Query } from "../../platform/store.ts"
import { labelOf, readFlows } from "../ledger/flows.ts"
import { formatUsd } from "../ledger/nanos.ts"

/** A line of it; amounts in nano-USD, exact whatever they add up to. */
export interface TrialLine {
  ledger: string
  /** A system account, or `customers/<kind>`. */
  account: string
  given: bigint
  taken: bigint
}

/** A trial balance that grows with each transfer. */
export interface TrialBalance {
  add(transfer: { ledger: string; from: string; to: string; nanos: bigint }): void
  /** Customers first, then system accounts by name, the cash ledger before the token ledger. */
  lines(): TrialLine[]
}

export function createTrialBalance(): TrialBalance {
  const lines = new Map<string, TrialLine>()
  const lineOf = (ledger: string, name: string): TrialLine => {
    const account = labelOf(name)
    const key = `${ledger} ${account}`
    const known = lines.get(key)
    if (known) return known
    const fresh = { ledger, account, given: 0n, taken: 0n }
    lines.set(key, fresh)
    return fresh
  }
  return {
    add({ ledger, from, to, nanos }) {
      lineOf(ledger, from).given += nanos
      lineOf(ledger, to).taken += nanos
    },
    lines: () => [...lines.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line),
  }
}

/** The trial balance of everything that was ever posted. */
export async function readTrialBalance(q: Query): Promise<TrialLine[]> {
  const balance = createTrialBalance()
  for (const flow of await readFlows(q)) balance.add(flow)
  return balance.lines()
}

/** A line as our API shows it: `balanceUsd` is what was taken less what was given. */
export const toApiTrialLine = ({ ledger, account, given, taken }: TrialLine) => ({
  ledger,
  account,
  givenUsd: formatUsd(given),
  takenUsd: formatUsd(taken),
  balanceUsd: formatUsd(taken - given),
})
