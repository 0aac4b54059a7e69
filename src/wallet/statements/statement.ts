/** A customer's month: what was there, what came, what went, what is there now; computed from the books every time. */
import { type Customer, getCustomer } from "../../auth/customers.ts"
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Store } from "../../platform/store.ts"
import { centsToNanos } from "../ledger/nanos.ts"
import type { Month } from "./month.ts"
import { listMovements, type Movement, sumMovements, WALLETS, type WalletName } from "./movements.ts"
import { readUsage, type UsageLine } from "./usage-lines.ts"

export interface StatementNeeds {
  store: Store
  clock: Clock
}

/** One wallet in one month: `opening + in − out = closing`. Usage is part of what went out of the Token Wallet. */
export interface WalletMonth {
  opening_nanos: bigint
  in_nanos: bigint
  out_nanos: bigint
  closing_nanos: bigint
}

/** Amounts in nano-USD. */
export interface Statement {
  customer: Customer
  month: Month
  /** When it was made; while the month goes on, it ends here. */
  made_at: number
  is_complete: boolean
  wallets: Record<WalletName, WalletMonth>
  movements: Movement[]
  usage: UsageLine[]
  totals: Totals
}

export interface Totals {
  request_count: number
  charged_nanos: bigint
  purchase_count: number
  /** The price of the month's purchases that were paid with money from outside. */
  paid_nanos: bigint
}

/** The statement of a month that has begun. Throws `not_found`, and `internal` when the books do not add up. */
export async function getStatement(
  needs: StatementNeeds,
  asked: { customer_id: string; month: Month },
): Promise<Statement> {
  const { customer_id, month } = asked
  const customer = await getCustomer(needs.store.read, customer_id)
  const usage = await readUsage(needs.store.read, asked)
  // In a job, because a transfer that is posted between two of these reads would be in one of them only.
  const moved = await needs.store.tx(async q => ({
    opening: await sumMovements(q, { customer_id, until: month.start_at }),
    movements: await listMovements(q, asked),
    closing: await sumMovements(q, { customer_id, until: month.end_at }),
  }))
  const charged_nanos = usage.lines.reduce((sum, line) => sum + line.charged_nanos, 0n)
  const walletOf = (name: WalletName): WalletMonth => {
    const own = moved.movements.filter(movement => movement.wallet === name)
    const before = name === "token" ? usage.before_nanos : 0n
    const used = name === "token" ? charged_nanos : 0n
    return {
      opening_nanos: moved.opening[name] - before,
      in_nanos: own.reduce((sum, movement) => sum + movement.in_nanos, 0n),
      out_nanos: own.reduce((sum, movement) => sum + movement.out_nanos, used),
      closing_nanos: moved.closing[name] - before - used,
    }
  }
  const statement: Statement = {
    customer,
    month,
    made_at: needs.clock.now(),
    is_complete: month.end_at <= needs.clock.now(),
    wallets: { token: walletOf("token"), cash: walletOf("cash"), debt: walletOf("debt") },
    movements: moved.movements,
    usage: usage.lines,
    totals: totalsOf(moved.movements, usage.lines),
  }
  assertAddsUp(statement)
  return statement
}

/** Throws `internal` when a wallet's lines do not lead from its opening to its closing balance. */
export function assertAddsUp({
  customer,
  month,
  wallets,
}: Pick<Statement, "customer" | "month" | "wallets">) {
  for (const name of WALLETS) {
    const { opening_nanos, in_nanos, out_nanos, closing_nanos } = wallets[name]
    if (opening_nanos + in_nanos - out_nanos === closing_nanos) continue
    throw new AppError(
      "internal",
      `The ${name} wallet of ${customer.id} does not add up in ${month.name}: run \`codexapi verify-ledger\`.`,
    )
  }
}

function totalsOf(movements: readonly Movement[], usage: readonly UsageLine[]): Totals {
  const bought = new Map(
    movements.flatMap(({ type, in_nanos, purchase }) =>
      purchase && in_nanos > 0n && (type === "purchase" || type === "payment")
        ? [[purchase.id, purchase]]
        : [],
    ),
  )
  const paid = [...bought.values()].filter(one => one.kind !== "cash-purchase" && one.is_live === 1)
  return {
    request_count: usage.reduce((sum, line) => sum + line.request_count, 0),
    charged_nanos: usage.reduce((sum, line) => sum + line.charged_nanos, 0n),
    purchase_count: bought.size,
    paid_nanos: paid.reduce((sum, { price_cents }) => sum + BigInt(centsToNanos(price_cents)), 0n),
  }
}
