/** Prices every receipt again from what it stores; reads only. */
import type { Query } from "../../platform/store.ts"
import type { LawReport } from "../ledger/verify.ts"
import { cost } from "../pricing/cost.ts"
import { listRateCards } from "../pricing/rate-cards.ts"
import type { TokenUsage } from "../pricing/usage.ts"

interface PricedReceipt extends TokenUsage {
  id: string
  customer_id: string
  rate_card_id: string
  tier_served: string
  cost_nanos: number
}

const PAGE = 5_000
const NEXT_RECEIPTS = `SELECT id, customer_id, rate_card_id, tier_served, cost_nanos, input_tokens, cache_read_tokens,
  cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, web_search_count
  FROM metered_request WHERE state <> 'open' AND (customer_id, id) > (?, ?) ORDER BY customer_id, id LIMIT ${PAGE}`

/** Compares each receipt's cost with the price of its counters by its rate card; at most 20 findings. */
export async function repriceReceipts(q: Query): Promise<LawReport> {
  const cards = new Map((await listRateCards(q)).map(card => [card.id, card]))
  const findings: string[] = []
  let after = { customer_id: "", id: "" }
  for (;;) {
    const receipts = await q.all<PricedReceipt>(NEXT_RECEIPTS, after.customer_id, after.id)
    for (const receipt of receipts) {
      const card = cards.get(receipt.rate_card_id)
      const price = card && cost(receipt, card, receipt.tier_served)
      if (price !== receipt.cost_nanos)
        findings.push(`${receipt.id}: booked ${receipt.cost_nanos}, priced ${price}`)
    }
    if (receipts.length < PAGE || findings.length >= 20) break
    after = receipts.at(-1)!
  }
  return {
    law: "4 each receipt costs what its counters and its rate card say",
    findings: findings.slice(0, 20),
  }
}
