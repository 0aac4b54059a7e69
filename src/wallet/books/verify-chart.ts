/** Whether every transfer goes between accounts of the chart, within one ledger, the way the chart allows; pure. */
import { findInChart } from "../ledger/chart.ts"
import type { Flow } from "../ledger/flows.ts"
import { formatUsd } from "../ledger/nanos.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"
import { waysOf } from "./ways.ts"

/** Judges each flow of the ledger; a finding names a transfer of a flow that is wrong. */
export function verifyChart(flows: readonly Flow[]): LawReport {
  const findings = flows.flatMap(flow => {
    const why = judge(flow)
    if (why === undefined) return []
    const what = `${flow.transfer_count} × ${flow.kind}, ${wayOf(flow)}, $${formatUsd(flow.nanos)}`
    return [`${what}: ${why}, e.g. ${flow.example}`]
  })
  return {
    law: "1 each transfer goes between accounts of one ledger, the way the chart allows",
    findings: findings.slice(0, MOST_FINDINGS),
  }
}

const wayOf = ({ from, to }: Flow): string => `${from} > ${to}`

/** What is wrong with a flow; `undefined` when nothing is. */
function judge(flow: Flow): string | undefined {
  const giver = findInChart(flow.from)
  const taker = findInChart(flow.to)
  if (!giver) return `there is no account ${flow.from}`
  if (!taker) return `there is no account ${flow.to}`
  if (giver.ledger !== taker.ledger) return "it crosses ledgers"
  if (giver.ledger !== flow.ledger)
    return `its accounts are in the ${giver.ledger} ledger, not ${flow.ledger}`
  if (!giver.may_give) return `${flow.from} only takes`
  if (!taker.may_take) return `${flow.to} only gives`
  if (flow.is_between_customers) return "it goes from one customer to another"
  const ways = waysOf(flow.kind)
  if (ways.length === 0) return `there is no rule called ${flow.kind}`
  return ways.includes(wayOf(flow)) ? undefined : `a ${flow.kind} goes ${ways.join(" or ")}`
}
