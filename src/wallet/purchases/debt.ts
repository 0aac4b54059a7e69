/** What a customer owes after a refund or dispute took more than there was; collected from what comes in next. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { getBalances, setFrozen } from "../ledger/accounts.ts"
import { customerAccount } from "../ledger/chart.ts"
import { addNanos, minNanos, type Nanos, subtractNanos, ZERO } from "../ledger/nanos.ts"
import { post, type Transfer } from "../ledger/post.ts"

/**
 * Takes what is owed from the Cash Wallet, then from the Token Wallet, as far as they reach. `group_id` is what brought
 * the money: it is collected for once.
 */
export async function collectDebt(
  q: TxQuery,
  needs: { clock: Clock },
  from: { customer_id: string; group_id: string },
): Promise<void> {
  const id = `debt:${from.group_id}`
  const balances = await getBalances(q, from.customer_id)
  if (balances.cash_debt === ZERO) return
  // What came in since is of another group, whose own collection takes it.
  if (await q.get("SELECT 1 AS found FROM ledger_transfer WHERE id = ?", id)) return
  const cash = minNanos(balances.cash_debt, balances.cash)
  const free = balances.is_frozen ? ZERO : balances.token
  const token = minNanos(subtractNanos(balances.cash_debt, cash), free)
  const now = needs.clock.now()
  const account = (kind: "cash" | "token" | "cash_debt") => customerAccount(from.customer_id, kind)
  const transfer = (id: string, from_to: [string, string], amount_nanos: Nanos): Transfer => ({
    id,
    group_id: from.group_id,
    kind: "debt_collected",
    from: from_to[0],
    to: from_to[1],
    amount_nanos,
    ref: "",
    actor: "system",
    event_at: now,
  })
  const transfers = [
    transfer(id, [account("cash_debt"), "system/debt"], addNanos(cash, token)),
    transfer(`${id}:cash`, [account("cash"), "system/sales_package"], cash),
    transfer(`${id}:token`, [account("token"), "system/issue_package"], token),
  ].filter(one => one.amount_nanos > 0)
  if (transfers.length === 0) return
  const posted = await post(q, now, transfers)
  if (posted.kind !== "posted") throw new AppError("internal", `${id} was not collected: ${posted.kind}`)
}

/**
 * Lets a frozen Token Wallet be spent again, and first takes from it what became owed while nothing could be taken.
 * A wallet that is not frozen stays as it is.
 */
export async function thawWallet(q: TxQuery, needs: { clock: Clock }, customer_id: string): Promise<void> {
  const { is_frozen } = await getBalances(q, customer_id)
  if (!is_frozen) return
  await setFrozen(q, customer_id, false)
  await collectDebt(q, needs, { customer_id, group_id: `thaw:${customer_id}:${needs.clock.now()}` })
}

/** The index leaves out the kinds of the hot path, so its condition is repeated here. */
const NOT_USAGE = "kind NOT IN ('hold', 'settle', 'release', 'overrun', 'loss')"
const COLLECTED = `SELECT
    (SELECT coalesce(sum(amount_nanos), 0) FROM ledger_transfer
      WHERE from_account = ?1 AND kind = 'debt_collected' AND ${NOT_USAGE})
    - (SELECT coalesce(sum(amount_nanos), 0) FROM ledger_transfer
      WHERE to_account = ?1 AND kind IN ('refund_collected_returned', 'dispute_collected_returned') AND ${NOT_USAGE})
  AS nanos`

/**
 * How a collected debt comes back: as credit as far as credit paid for debts and has not come back, so that given credit
 * never becomes cash; the rest as the cash that paid.
 */
export async function divideCollected(
  q: Query,
  { customer_id, nanos }: { customer_id: string; nanos: Nanos },
): Promise<{ token: Nanos; cash: Nanos }> {
  const from_token = (await q.get<{ nanos: Nanos }>(COLLECTED, customerAccount(customer_id, "token")))!.nanos
  const token = minNanos(nanos, from_token)
  return { token, cash: subtractNanos(nanos, token) }
}
