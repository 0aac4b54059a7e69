/** VIP Priority as its customer sees it: until when, by which purchases, and which plans there are. */
import { t } from "elysia"
import { type Clock, DAY_MS } from "../../platform/clock.ts"
import { Time, toIso, toIsoOrNull } from "../../platform/schema.ts"
import type { Query, Store } from "../../platform/store.ts"
import { PackageView, toApiPackage } from "../../wallet/offers/offer-view.ts"
import { listPackages } from "../../wallet/offers/packages.ts"

const Reason = t.Object({
  source: t.UnionEnum(["purchase", "operator"], {
    description: "A VIP plan that was bought, or a gift of the operator",
  }),
  purchaseId: t.Nullable(t.String()),
  packageId: t.Nullable(t.String()),
  days: t.Nullable(t.Integer()),
  since: t.Nullable(Time, { description: "When it was paid; null where it was given" }),
})

export const VipStatus = t.Object({
  isVip: t.Boolean(),
  until: t.Nullable(Time, { description: "Null while it is off" }),
  reasons: t.Array(Reason, { description: "Why it is on, oldest first; empty while it is off" }),
  benefits: t.Array(t.String(), { description: "What it gives" }),
  plans: t.Array(PackageView, { description: "What can be bought to get it, or to have it longer" }),
})

const BENEFITS = [
  "When a model is busy, your requests are served before those of others.",
  "Routes that are kept for VIP Priority are open to you.",
]

/** Everything that GET /api/v1/vip answers. */
export async function getVipStatus(needs: { store: Store; clock: Clock }, customer_id: string) {
  const q = needs.store.read
  const now = needs.clock.now()
  const row = await q.get<{ vip_until: number | null }>(
    "SELECT vip_until FROM customer WHERE id = ?",
    customer_id,
  )
  const vip_until = row?.vip_until ?? 0
  const is_vip = vip_until > now
  const plans = (await listPackages(q, "offered")).filter(offer => offer.vip_days > 0)
  return {
    isVip: is_vip,
    until: toIsoOrNull(is_vip ? vip_until : null),
    reasons: is_vip ? await listReasons(q, { customer_id, now }) : [],
    benefits: BENEFITS,
    plans: plans.map(toApiPackage),
  }
}

interface VipPurchase {
  id: string
  package_id: string | null
  vip_days: number
  paid_at: number
}

/** Days are taken back when the whole price has gone back. */
const BOUGHT = `SELECT id, package_id, vip_days, paid_at FROM purchase p
  WHERE customer_id = ? AND state = 'paid' AND vip_days > 0 AND price_cents >
    (SELECT coalesce(sum(r.amount_cents), 0) FROM reversal r WHERE r.purchase_id = p.id AND r.state = 'taken')
  ORDER BY paid_at, id`

async function listReasons(q: Query, { customer_id, now }: { customer_id: string; now: number }) {
  const reaching = reachNow(await q.all<VipPurchase>(BOUGHT, customer_id), now)
  if (reaching.length === 0)
    return [{ source: "operator" as const, purchaseId: null, packageId: null, days: null, since: null }]
  return reaching.map(one => ({
    source: "purchase" as const,
    purchaseId: one.id,
    packageId: one.package_id,
    days: one.vip_days,
    since: toIso(one.paid_at),
  }))
}

/** Purchases whose days follow one another without a gap and reach until now. */
function reachNow(purchases: readonly VipPurchase[], now: number): VipPurchase[] {
  let chain: VipPurchase[] = []
  let until = 0
  for (const purchase of purchases) {
    if (purchase.paid_at > until) chain = []
    chain.push(purchase)
    until = Math.max(until, purchase.paid_at) + purchase.vip_days * DAY_MS
  }
  // Days count from the credit, which can come hours after the payment.
  return until + DAY_MS > now ? chain : []
}
