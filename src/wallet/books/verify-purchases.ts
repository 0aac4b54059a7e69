/** Law 5: each paid purchase was credited once, as it was ordered, each reversal took what it says, and nothing else did. */
import type { Query } from "../../platform/store.ts"
import {
  addNanos,
  centsToNanos,
  maxNanos,
  minNanos,
  type Nanos,
  subtractNanos,
  toNanos,
  ZERO,
} from "../ledger/nanos.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"
import { type CodeUse, codeTransferId } from "../offers/codes.ts"
import { collectedLegs, creditLegs, returnLegs, reversalLegs } from "../purchases/purchase-legs.ts"
import type { Purchase } from "../purchases/purchases.ts"
import type { Reversal } from "../purchases/reverse.ts"
import type { MoneyLeg } from "./money-legs.ts"
import { PURCHASE_KINDS } from "./ways.ts"

const PAGE = 2_000
const KINDS = PURCHASE_KINDS.map(kind => `'${kind}'`).join(", ")
const NEXT = `SELECT * FROM purchase WHERE id > ? ORDER BY id LIMIT ${PAGE}`
const LEGS = `SELECT l.* FROM purchase p JOIN temp.money_leg l ON l.group_id = p.id
  WHERE p.id > ? AND p.id <= ? AND l.kind IN (${KINDS}) ORDER BY l.group_id, l.id`
const REVERSALS = "SELECT * FROM reversal WHERE purchase_id > ? AND purchase_id <= ?"
const USES =
  "SELECT code, customer_id, number, purchase_id FROM code_use WHERE purchase_id > ? AND purchase_id <= ?"
const ORPHANS = `SELECT l.id, l.group_id FROM temp.money_leg l LEFT JOIN purchase p ON p.id = l.group_id
  WHERE l.kind IN (${KINDS}) AND p.id IS NULL LIMIT ${MOST_FINDINGS}`

/** A purchase with everything that other books say of it. */
interface Case {
  purchase: Purchase
  use: CodeUse | undefined
  reversals: Reversal[]
  legs: MoneyLeg[]
}

/** Wants the table of `withMoneyLegs`. Reads purchases in pages; what is wrong is told by transfer. */
export async function verifyPurchases(q: Query): Promise<LawReport> {
  const orphans = await q.all<MoneyLeg>(ORPHANS)
  const findings = orphans.map(({ id, group_id }) => `${id} belongs to no purchase: there is no ${group_id}`)
  let after = ""
  for (;;) {
    const purchases = await q.all<Purchase>(NEXT, after)
    const last = purchases.at(-1)?.id
    if (last === undefined) break
    for (const one of await readCases(q, purchases, { after, last })) findings.push(...judge(one))
    if (purchases.length < PAGE || findings.length >= MOST_FINDINGS) break
    after = last
  }
  return {
    law: "5 each paid purchase was credited once, and each reversal took what it says",
    findings: findings.slice(0, MOST_FINDINGS),
  }
}

async function readCases(
  q: Query,
  purchases: Purchase[],
  { after, last }: { after: string; last: string },
): Promise<Case[]> {
  const legs = Map.groupBy(await q.all<MoneyLeg>(LEGS, after, last), leg => leg.group_id)
  const reversals = Map.groupBy(await q.all<Reversal>(REVERSALS, after, last), one => one.purchase_id)
  const uses = await q.all<CodeUse & { purchase_id: string }>(USES, after, last)
  const use_of = new Map(uses.map(use => [use.purchase_id, use]))
  return purchases.map(purchase => ({
    purchase,
    use: use_of.get(purchase.id),
    reversals: reversals.get(purchase.id) ?? [],
    legs: legs.get(purchase.id) ?? [],
  }))
}

type Leg = Omit<MoneyLeg, "group_id">

const legOf = (leg: { id: string; kind: string; from: string; to: string; amount_nanos: number }): Leg => ({
  id: leg.id,
  kind: leg.kind,
  from_account: leg.from,
  to_account: leg.to,
  amount_nanos: leg.amount_nanos,
})

function judge(one: Case): string[] {
  const { purchase, reversals } = one
  const found = new Map(one.legs.map(leg => [leg.id, leg]))
  const expected = purchase.state === "paid" ? expectLegs(one, found) : []
  const findings = reversals.flatMap(reversal => judgeReversal(purchase, reversal))
  for (const leg of expected.filter(({ amount_nanos }) => amount_nanos > 0)) {
    const posted = found.get(leg.id)
    found.delete(leg.id)
    if (!posted) findings.push(`${purchase.id} is ${purchase.state}, but there is no ${leg.id}`)
    else if (!isSame(posted, leg)) findings.push(`${leg.id} is ${wordsOf(posted)}, not ${wordsOf(leg)}`)
  }
  for (const id of found.keys())
    findings.push(`${id} is too much: ${purchase.id} (${purchase.state}) has no such part`)
  return findings
}

function expectLegs({ purchase, use, reversals }: Case, found: ReadonlyMap<string, Leg>): Leg[] {
  const late_id = `code:${purchase.code}:${purchase.customer_id}:late:${purchase.id}`
  const credit = creditLegs(purchase, use ? codeTransferId(use) : late_id)
  return [...credit.map(legOf), ...reversals.flatMap(reversal => expectReversal(purchase, reversal, found))]
}

/** A debt that was collected before its reversal was returned came back to the wallets: they and what is cancelled are the debt. */
function expectReversal(purchase: Purchase, reversal: Reversal, found: ReadonlyMap<string, Leg>): Leg[] {
  const parts = {
    amount: centsToNanos(reversal.amount_cents),
    token: reversal.token_nanos,
    cash: reversal.cash_nanos,
    debt: reversal.debt_nanos,
  }
  const taken = reversalLegs(purchase, reversal, parts)
  if (reversal.state === "taken") return taken.map(legOf)
  const [token, cash] = collectedLegs(purchase, reversal, { token: ZERO, cash: ZERO }).map(leg =>
    toNanos(found.get(leg.id)?.amount_nanos ?? 0),
  ) as [Nanos, Nanos]
  const debt = maxNanos(ZERO, subtractNanos(parts.debt, addNanos(token, cash)))
  const from_token = minNanos(token, parts.debt)
  const collected = {
    token: from_token,
    cash: subtractNanos(subtractNanos(parts.debt, debt), from_token),
  }
  const back = [
    ...returnLegs(reversalLegs(purchase, reversal, { ...parts, debt })),
    ...collectedLegs(purchase, reversal, collected),
  ]
  return [...taken, ...back].map(legOf)
}

/** What was taken is of the customer who paid, and never more than was bought and than goes back. */
function judgeReversal(purchase: Purchase, reversal: Reversal): string[] {
  const { token_nanos, cash_nanos, debt_nanos } = reversal
  const amount = BigInt(centsToNanos(reversal.amount_cents))
  const owed = BigInt(cash_nanos) + BigInt(debt_nanos)
  const bought = BigInt(purchase.credit_nanos) + BigInt(purchase.bonus_nanos)
  const is_load = purchase.kind === "cash-load"
  const adds_up = is_load
    ? owed + BigInt(token_nanos) === amount
    : owed <= amount && BigInt(token_nanos) <= bought
  const findings: string[] = []
  if (purchase.state !== "paid")
    findings.push(`${reversal.id} reverses ${purchase.id}, which is ${purchase.state}`)
  if (reversal.customer_id !== purchase.customer_id)
    findings.push(`${reversal.id} took from ${reversal.customer_id} what ${purchase.customer_id} bought`)
  if (!adds_up) findings.push(`the parts of ${reversal.id} do not add up to its amount`)
  return findings
}

const isSame = (posted: Leg, leg: Leg): boolean => wordsOf(posted) === wordsOf(leg)

const wordsOf = ({ kind, from_account, to_account, amount_nanos }: Leg): string =>
  `${kind} ${from_account} > ${to_account} ${amount_nanos}`
