/** What an operator does to a wallet: credit, debit, repeats of both, linked transfers, freezing. */
import { adjustCredit } from "../../src/admin/credit.ts"
import { AppError } from "../../src/platform/errors.ts"
import { formatUsd, type Nanos } from "../../src/wallet/ledger/nanos.ts"
import { post, type Transfer } from "../../src/wallet/ledger/post.ts"
import { assertThat, type Customer, type KnownTransfer } from "./oracle.ts"
import { launch, type World } from "./world.ts"

const ISSUE = "system/issue_admin"

export interface Adjustment {
  /** The operator's id; the same adjustment under the same id is made once. */
  id: string
  direction: "credit" | "debit"
  /** In nano-USD, more than 0. */
  amount: bigint
}

/** Credits or debits a wallet. */
export function adjust(world: World, customer: Customer, adjustment: Adjustment): void {
  const { id, direction, amount } = adjustment
  const known = transferFor(customer, adjustment)
  const isConflict = () => isOther(customer.adjustments.get(known.id), known)
  launch(world, {
    what: `${direction} ${customer.id} ${amount} nanos as ${id}`,
    customer,
    low: direction === "debit" ? -amount : 0n,
    high: direction === "credit" ? amount : 0n,
    call: needs =>
      adjustCredit(needs, {
        id,
        direction,
        customer_id: customer.id,
        amount: formatUsd(amount),
        reason: "simulated",
      }),
    done(transfer_id, { what, free, frozen }) {
      assertThat(transfer_id === known.id && !isConflict(), () => `${what}: done, but the id was used before`)
      const is_new = !customer.adjustments.has(known.id)
      const isPossible = direction === "credit" || (free.high >= amount && frozen.has(false))
      assertThat(!is_new || isPossible, () => `${what}: done with ${free.low}…${free.high} free`)
      customer.adjustments.set(known.id, known)
    },
    failed(error, { free, frozen }) {
      if (!(error instanceof AppError)) return false
      if (error.reason === "payment_required") return direction === "debit" && free.low < amount
      if (error.reason !== "conflict") return false
      return error.message.includes("frozen") ? direction === "debit" && frozen.has(true) : isConflict()
    },
    adopt(books) {
      // Another one with the same id may have been under way.
      const row = books.transfers.get(known.id)
      const is_made = BigInt(row?.amount_nanos ?? 0) === amount && row?.from_account === known.from
      if (is_made) customer.adjustments.set(known.id, known)
    },
  })
}

function transferFor(customer: Customer, { id, direction, amount }: Adjustment): KnownTransfer {
  const wallet = `${customer.id}/token`
  const [from, to] = direction === "credit" ? [ISSUE, wallet] : [wallet, ISSUE]
  return { id: `admin:${id}`, from, to, amount }
}

const isOther = (a: KnownTransfer | undefined, b: KnownTransfer) =>
  a !== undefined && (a.amount !== b.amount || a.from !== b.from)

/** Two transfers in one posting: a credit, and a debit that may exceed what is there. Both apply, or none. */
export function postLinked(
  world: World,
  customer: Customer,
  amounts: { credit: bigint; debit: bigint },
): void {
  const id = world.newId("linked")
  const known = (["credit", "debit"] as const).map(direction =>
    transferFor(customer, { id: `${id}:${direction}`, direction, amount: amounts[direction] }),
  )
  const isCommitted = () => {
    for (const one of known) customer.adjustments.set(one.id, one)
  }
  launch(world, {
    what: `link ${id} for ${customer.id}: +${amounts.credit} -${amounts.debit} nanos`,
    customer,
    low: -amounts.debit,
    high: amounts.credit,
    call: ({ store }) => store.tx(q => post(q, world.now, known.map(toTransfer))),
    done({ kind }, { what, free, frozen }) {
      if (kind === "posted") isCommitted()
      const isRight =
        kind === "posted"
          ? free.high + amounts.credit >= amounts.debit && frozen.has(false)
          : kind === "insufficient"
            ? free.low + amounts.credit < amounts.debit
            : kind === "frozen" && frozen.has(true)
      assertThat(isRight, () => `${what}: ${kind} with ${free.low}…${free.high} free`)
    },
    adopt(books) {
      if (books.transfers.has(known[0]!.id)) isCommitted()
    },
  })
}

const toTransfer = ({ id, from, to, amount }: KnownTransfer): Transfer => ({
  id,
  from,
  to,
  amount_nanos: Number(amount) as Nanos,
  group_id: id,
  kind: "admin_linked",
  ref: "simulated",
  actor: "admin:cli",
  event_at: 0,
})

const FREEZE = "UPDATE ledger_account SET is_frozen = ? WHERE id = ?"

/** Stops (or allows again) debits of a wallet, as a payment dispute does. */
export function setFrozen(world: World, customer: Customer, is_frozen: boolean): void {
  launch(world, {
    what: `${is_frozen ? "freeze" : "thaw"} ${customer.id}`,
    customer,
    low: 0n,
    high: 0n,
    freezes: is_frozen,
    call: ({ store }) => store.tx(q => q.run(FREEZE, is_frozen ? 1 : 0, `${customer.id}/token`)),
    done(changed) {
      assertThat(changed === 1, () => `${customer.id} has no wallet`)
      customer.is_frozen = is_frozen
    },
    adopt(books) {
      customer.is_frozen = books.accounts.find(row => row.id === `${customer.id}/token`)?.is_frozen === 1
    },
  })
}
