/** What the operator does with rewards: listing claims and commissions, and voiding what should not have been given. */
import { type NoticeNeeds, notify } from "../../notices/notify.ts"
import { AppError } from "../../platform/errors.ts"
import type { Query, Store, TxQuery } from "../../platform/store.ts"
import { getBalances } from "../ledger/accounts.ts"
import { customerAccount } from "../ledger/chart.ts"
import { formatUsd, minNanos, type Nanos, ZERO } from "../ledger/nanos.ts"
import { type PostResult, post, type Transfer } from "../ledger/post.ts"
import type { RewardRule } from "./claim.ts"
import { refuseCommission } from "./commission.ts"

export interface ListedClaim {
  id: string
  customer_id: string
  rule: RewardRule
  proof: string | null
  /** Whether it was made with a device or card that is known. */
  has_device: 0 | 1
  has_card: 0 | 1
  amount_nanos: Nanos
  /** What was taken back of it; null unless it was voided. */
  voided_nanos: Nanos | null
  created_at: number
}

const LIST_CLAIMS = `SELECT c.id, c.customer_id, c.rule, c.proof, c.device_hash IS NOT NULL AS has_device,
    c.card_fingerprint IS NOT NULL AS has_card, c.amount_nanos, v.amount_nanos AS voided_nanos, c.created_at
  FROM reward_claim c LEFT JOIN ledger_transfer v ON v.id = c.id || ':void'
  WHERE (?1 IS NULL OR c.customer_id = ?1) AND (?2 IS NULL OR c.rule = ?2)
  ORDER BY c.created_at DESC, c.id DESC LIMIT ?3`

/** Newest first. */
export const listClaims = (
  q: Query,
  asked: { customer_id: string | null; rule: RewardRule | null; limit: number },
): Promise<ListedClaim[]> => q.all<ListedClaim>(LIST_CLAIMS, asked.customer_id, asked.rule, asked.limit)

export type CommissionState = "pending" | "paid" | "refused"

export interface ListedCommission {
  purchase_id: string
  referrer_id: string
  customer_id: string
  amount_nanos: Nanos
  reversed_nanos: Nanos
  state: CommissionState
  refused_for: string | null
  due_at: number
  created_at: number
}

const COLUMNS = `purchase_id, referrer_id, customer_id, amount_nanos, reversed_nanos, state, refused_for, due_at,
  created_at`
const LIST_COMMISSIONS = `SELECT ${COLUMNS} FROM referral_commission
  WHERE (?1 IS NULL OR referrer_id = ?1) AND (?2 IS NULL OR state = ?2)
  ORDER BY created_at DESC, purchase_id DESC LIMIT ?3`

/** Newest first. */
export const listCommissions = (
  q: Query,
  asked: { referrer_id: string | null; state: CommissionState | null; limit: number },
): Promise<ListedCommission[]> =>
  q.all<ListedCommission>(LIST_COMMISSIONS, asked.referrer_id, asked.state, asked.limit)

export interface VoidNeeds extends NoticeNeeds {
  store: Store
}

/**
 * Takes back what is left of the credit of a Gumroad licence, e.g. because its sale was refunded, and gives how much
 * that was. What is spent is spent: promotional credit makes no debt. A repeat takes nothing and gives the same amount.
 * Throws `not_found`, and `conflict` for another reward, for a frozen wallet and where nothing is left.
 */
export function voidClaim(needs: VoidNeeds, asked: { claim_id: string; reason: string }): Promise<Nanos> {
  return needs.store.tx(async q => {
    const claim = await q.get<{ customer_id: string; rule: RewardRule; amount_nanos: Nanos }>(
      "SELECT customer_id, rule, amount_nanos FROM reward_claim WHERE id = ?",
      asked.claim_id,
    )
    if (!claim) throw new AppError("not_found", `There is no claim ${asked.claim_id}.`)
    if (claim.rule !== "gumroad") {
      const message = `Only the credit of a licence is voided, not a ${claim.rule}: use \`customer debit\`.`
      throw new AppError("conflict", message)
    }
    const { customer_id } = claim
    const id = `${asked.claim_id}:void`
    const voided = await q.get<{ amount_nanos: Nanos }>(
      "SELECT amount_nanos FROM ledger_transfer WHERE id = ?",
      id,
    )
    if (voided) return voided.amount_nanos
    const amount_nanos = minNanos(claim.amount_nanos, (await getBalances(q, customer_id)).token)
    if (amount_nanos === ZERO) {
      const message = `Nothing is left of ${asked.claim_id}: suspend the customer if they should stop.`
      throw new AppError("conflict", message)
    }
    // Like every correction by the operator: what the licence gave stays in the books as it was.
    const accounts = {
      from: customerAccount(customer_id, "token"),
      to: "system/issue_admin",
      kind: "admin_void",
    }
    await postVoid(q, needs, { id, group_id: asked.claim_id, ...accounts, amount_nanos, ref: asked.reason })
    await notify(q, needs, {
      customer_id,
      kind: "reward",
      key: `reward:${id}`,
      subject: `Gumroad licence: $${formatUsd(amount_nanos)} taken back`,
      body: `$${formatUsd(amount_nanos)} of your licence's credit was taken back: ${asked.reason}`,
    })
    q.afterCommit(() => needs.events.emit("credit-posted", { customer_id, transfer_id: id }))
    return amount_nanos
  })
}

const FIND_COMMISSION = `SELECT ${COLUMNS} FROM referral_commission WHERE purchase_id = ?`
/**
 * Refuses a commission that is not paid out yet, for a reason that its referrer sees, and gives how much that was. A
 * repeat does nothing and gives 0. Throws `not_found`, and `conflict` once it was paid.
 */
export function voidCommission(
  needs: VoidNeeds,
  asked: { purchase_id: string; reason: string },
): Promise<Nanos> {
  const { purchase_id, reason } = asked
  return needs.store.tx(async q => {
    const commission = await q.get<ListedCommission>(FIND_COMMISSION, purchase_id)
    if (!commission) throw new AppError("not_found", `There is no commission of ${purchase_id}.`)
    if (commission.state === "refused") return ZERO
    const { referrer_id, state } = commission
    if (state === "paid") {
      const message = `It was paid out: use \`customer cash-debit --customer ${referrer_id}\` to take it back.`
      throw new AppError("conflict", message)
    }
    return refuseCommission(q, needs, { commission, reason, actor: "admin:cli" })
  })
}

/** Throws `conflict` for a frozen wallet. */
async function postVoid(
  q: TxQuery,
  needs: VoidNeeds,
  transfer: Omit<Transfer, "actor" | "event_at">,
): Promise<void> {
  const now = needs.clock.now()
  const result: PostResult = await post(q, now, [{ ...transfer, actor: "admin:cli", event_at: now }])
  if (result.kind === "posted") return
  if (result.kind === "frozen")
    throw new AppError("conflict", "The wallet is frozen: thaw it, void the claim, freeze it again.")
  throw new AppError("internal", `${transfer.id} was not posted: ${JSON.stringify(result)}`)
}
