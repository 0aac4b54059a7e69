/** The referral club as one customer sees it: code, tiers, what was earned; nothing of the customers who were brought. */
import { t } from "elysia"
import type { Clock } from "../../platform/clock.ts"
import type { Random } from "../../platform/ids.ts"
import { Time, toIso, Usd } from "../../platform/schema.ts"
import type { Query, Store } from "../../platform/store.ts"
import { getBalances } from "../ledger/accounts.ts"
import { formatUsd, type Nanos, subtractNanos } from "../ledger/nanos.ts"
import { getRule } from "../offers/rules.ts"
import { CashWallet, toApiCashWallet } from "../status.ts"
import { getReferralCode } from "./referral.ts"
import { countPaying, type Tier, tierFor } from "./referral-tiers.ts"

const TierView = t.Object({ minCustomers: t.Integer(), percent: t.Integer() })
const Count = t.Integer({ minimum: 0 })

const CommissionView = t.Object({
  id: t.String(),
  state: t.String({ description: "pending, paid, reversed (taken back whole) or refused" }),
  amountUsd: Usd,
  reversedUsd: Usd,
  refusedFor: t.Nullable(t.String({ description: "Why it earned nothing" })),
  dueAt: Time,
  createdAt: Time,
})

export const ReferralStatus = t.Object({
  isOpen: t.Boolean({ description: "Whether purchases earn a commission now" }),
  code: t.String(),
  link: t.String({ description: "Who registers by it was brought by you" }),
  tiers: t.Array(TierView),
  currentTier: TierView,
  holdDays: t.Integer({ description: "Days until a commission is paid into the Cash Wallet" }),
  months: t.Integer({ description: "Months for which a brought customer's purchases earn" }),
  broughtCustomers: Count,
  payingCustomers: Count,
  pendingUsd: Usd,
  paidUsd: Usd,
  reversedUsd: Usd,
  cashWallet: CashWallet,
  commissions: t.Object({ data: t.Array(CommissionView), nextCursor: t.Nullable(t.String()) }),
})

export interface ReferralNeeds {
  store: Store
  clock: Clock
  random: Random
  config: { public_url: string | undefined }
}

/** Which page of whose commissions; `origin` is where the request came in, used while no public address is configured. */
export interface ReferralPage {
  customer_id: string
  origin: string
  limit: number
  cursor: string | undefined
}

const BROUGHT = "SELECT count(*) AS count FROM referral WHERE referrer_id = ?"
/** As text: a sum over years may exceed what a number holds exactly. */
const SUMS = `SELECT
    CAST(coalesce(sum(CASE state WHEN 'pending' THEN amount_nanos - reversed_nanos END), 0) AS TEXT) AS pending,
    CAST(coalesce(sum(CASE state WHEN 'paid' THEN amount_nanos - reversed_nanos END), 0) AS TEXT) AS paid,
    CAST(coalesce(sum(reversed_nanos), 0) AS TEXT) AS reversed
  FROM referral_commission WHERE referrer_id = ?`

/** Everything that GET /api/v1/referral answers; makes the customer's code when it is asked for the first time. */
export async function getReferralStatus(needs: ReferralNeeds, page: ReferralPage) {
  const { customer_id } = page
  const q = needs.store.read
  const code = await getReferralCode(needs, customer_id)
  const rule = await getRule(q, "referral")
  const brought = (await q.get<{ count: number }>(BROUGHT, customer_id))!
  const paying_count = await countPaying(q, customer_id)
  const sums = (await q.get<Record<"pending" | "paid" | "reversed", string>>(SUMS, customer_id))!
  return {
    isOpen: rule.is_enabled,
    code,
    link: `${needs.config.public_url ?? page.origin}/?ref=${code}`,
    tiers: rule.tiers.map(toApiTier),
    currentTier: toApiTier(tierFor(rule.tiers, paying_count)),
    holdDays: rule.hold_days,
    months: rule.months,
    broughtCustomers: brought.count,
    payingCustomers: paying_count,
    pendingUsd: formatUsd(BigInt(sums.pending)),
    paidUsd: formatUsd(BigInt(sums.paid)),
    reversedUsd: formatUsd(BigInt(sums.reversed)),
    cashWallet: toApiCashWallet(await getBalances(q, customer_id)),
    commissions: await pageOf(q, page),
  }
}

interface CommissionRow {
  purchase_id: string
  amount_nanos: Nanos
  reversed_nanos: Nanos
  state: "pending" | "paid" | "refused"
  refused_for: string | null
  due_at: number
  created_at: number
}

const PAGE = `SELECT purchase_id, amount_nanos, reversed_nanos, state, refused_for, due_at, created_at
  FROM referral_commission WHERE referrer_id = ?1 AND (?2 IS NULL OR purchase_id < ?2)
  ORDER BY purchase_id DESC LIMIT ?3`

async function pageOf(q: Query, { customer_id, limit, cursor }: ReferralPage) {
  const before = cursor === undefined ? null : toPurchaseId(cursor)
  const rows = await q.all<CommissionRow>(PAGE, customer_id, before, limit)
  const data = rows.map(toApiCommission)
  return { data, nextCursor: data.length < limit ? null : data.at(-1)!.id }
}

/** The order is another customer's: its id is not shown as one. */
const toCommissionId = (purchase_id: string) => purchase_id.replace(/^ord_/, "com_")
const toPurchaseId = (commission_id: string) => commission_id.replace(/^com_/, "ord_")

const toApiTier = (tier: Tier) => ({ minCustomers: tier.min_customers, percent: tier.percent })

const toApiCommission = (row: CommissionRow) => ({
  id: toCommissionId(row.purchase_id),
  state: stateOf(row),
  amountUsd: formatUsd(row.amount_nanos),
  reversedUsd: formatUsd(row.reversed_nanos),
  refusedFor: row.refused_for,
  dueAt: toIso(row.due_at),
  createdAt: toIso(row.created_at),
})

function stateOf(row: CommissionRow): string {
  if (row.state === "refused") return "refused"
  return subtractNanos(row.amount_nanos, row.reversed_nanos) === 0 ? "reversed" : row.state
}
