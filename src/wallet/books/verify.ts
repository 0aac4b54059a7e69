/** Every law of the books: the ledger's own, and what receipts, purchases, rewards and seals say of it; reads only. */
import type { Query } from "../../platform/store.ts"
import { readFlows } from "../ledger/flows.ts"
import { type LawReport, verifyLedger } from "../ledger/verify.ts"
import { repriceReceipts } from "../usage/reprice.ts"
import { withMoneyLegs } from "./money-legs.ts"
import { verifyChart } from "./verify-chart.ts"
import { verifyCommissions } from "./verify-commissions.ts"
import { verifyDebts } from "./verify-debts.ts"
import { verifyPurchases } from "./verify-purchases.ts"
import { verifyReversals } from "./verify-reversals.ts"
import { verifyRewards } from "./verify-rewards.ts"
import { verifySeals } from "./verify-seals.ts"

/**
 * Checks all of it as it stood at one moment, also beside a server that goes on. It keeps a read transaction open on this
 * connection, for seconds when the books are large: nobody else may read from it meanwhile.
 */
export async function verifyBooks(q: Query): Promise<LawReport[]> {
  await q.run("SAVEPOINT verify")
  try {
    const flows = await readFlows(q)
    const laws = [...(await verifyLedger(q, flows)), verifyChart(flows), await repriceReceipts(q)]
    const others = await withMoneyLegs(q, async () => [
      await verifyPurchases(q),
      await verifyReversals(q),
      await verifyRewards(q),
      await verifyCommissions(q),
      await verifyDebts(q),
    ])
    return [...laws, ...others, await verifySeals(q)]
  } finally {
    await q.run("RELEASE verify")
  }
}
