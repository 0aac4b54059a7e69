/** Compares our books with what the imitated Stripe says was paid, refunded and disputed: nothing double, nothing missing. */
import { verifyBooks } from "../../src/wallet/books/verify.ts"
import type { PaymentScene } from "../support/payments.ts"

export interface Judgement {
  paid_count: number
  double_count: number
  missing_count: number
  /** Everything that is not as it must be, in words. */
  findings: string[]
}

interface Leg {
  id: string
  kind: string
  amount_nanos: number
}

const CENT = 10_000_000

export async function judge(scene: PaymentScene): Promise<Judgement> {
  const { read } = scene.app.store
  const { intents, refunds, disputes } = scene.stripe.control.objects
  const legs = new Map(
    (await read.all<Leg>("SELECT id, kind, amount_nanos FROM ledger_transfer")).map(l => [l.id, l]),
  )
  const paid = [...intents.values()].filter(intent => intent.status === "succeeded")
  const findings: string[] = []
  const expected = new Map(paid.map(intent => [`stripe:pi:${intent.id}`, intent.amount_received]))
  for (const refund of refunds.values()) expected.set(`stripe:refund:${refund.id}`, refund.amount)
  for (const dispute of disputes.values()) expected.set(`stripe:dispute:${dispute.id}`, dispute.amount)
  for (const refund of refunds.values())
    if (refund.status === "failed") expected.set(`stripe:refund:${refund.id}:returned`, refund.amount)
  for (const dispute of disputes.values())
    if (dispute.status === "won") expected.set(`stripe:dispute:${dispute.id}:returned`, dispute.amount)
  const missing = [...expected].filter(([id]) => !legs.has(id))
  const wrong = [...expected].filter(
    ([id, cents]) => legs.has(id) && legs.get(id)!.amount_nanos !== cents * CENT,
  )
  const doubled = [...legs.values()].filter(
    leg => /^stripe:(pi|refund|dispute):[^:]+(:returned)?$/.test(leg.id) && !expected.has(leg.id),
  )
  findings.push(...missing.map(([id]) => `missing: ${id}`))
  findings.push(
    ...wrong.map(
      ([id, cents]) => `${id}: ${legs.get(id)!.amount_nanos} nano-USD, Stripe says ${cents} cents`,
    ),
  )
  findings.push(...doubled.map(leg => `credited or reversed without Stripe: ${leg.id}`))
  findings.push(...(await findCreditErrors(scene, paid.length)))
  for (const law of await verifyBooks(read)) findings.push(...law.findings.map(one => `${law.law}: ${one}`))
  return {
    paid_count: paid.length,
    double_count: doubled.length + wrong.length,
    missing_count: missing.length,
    findings,
  }
}

/** Each paid purchase has its credit once, each unpaid one has none, and none is still open. */
async function findCreditErrors(scene: PaymentScene, paid_count: number): Promise<string[]> {
  const { read } = scene.app.store
  const findings: string[] = []
  const open = await read.all<{ id: string }>("SELECT id FROM purchase WHERE state = 'open'")
  findings.push(...open.map(({ id }) => `${id} is still open after the sweep`))
  const paid = await read.get<{ count: number }>(
    "SELECT count(*) AS count FROM purchase WHERE state = 'paid' AND kind <> 'cash-purchase'",
  )
  if (paid!.count !== paid_count) findings.push(`${paid!.count} purchases are paid, Stripe has ${paid_count}`)
  const credit = await read.all<{
    id: string
    credit_nanos: number
    bonus_nanos: number
    given: number
    bonus: number
  }>(
    `SELECT p.id, p.credit_nanos * (p.state = 'paid') AS credit_nanos, p.bonus_nanos * (p.state = 'paid') AS bonus_nanos,
       coalesce(sum(t.amount_nanos) FILTER (WHERE t.kind = 'package_credit'), 0) AS given,
       coalesce(sum(t.amount_nanos) FILTER (WHERE t.kind = 'bonus_credit'), 0) AS bonus
     FROM purchase p LEFT JOIN ledger_transfer t ON t.group_id = p.id GROUP BY p.id`,
  )
  for (const row of credit)
    if (row.given !== row.credit_nanos || row.bonus !== row.bonus_nanos)
      findings.push(
        `${row.id} has credit ${row.given} + ${row.bonus}, not ${row.credit_nanos} + ${row.bonus_nanos}`,
      )
  return findings
}
