/** What an operator does to the wallets: credit, debit, repeats of both, linked transfers, freezing. */
import { adjustCredit, type WalletKind } from "../../src/admin/credit.ts"
import { setFrozen as setFrozenInStore } from "../../src/wallet/ledger/accounts.ts"
import { formatUsd, type Nanos } from "../../src/wallet/ledger/nanos.ts"
import { type PostResult, post, type Transfer } from "../../src/wallet/ledger/post.ts"
import { thawWallet } from "../../src/wallet/purchases/debt.ts"
import { type Foreseen, launch } from "./launch.ts"
import { assertThat, type Customer, type KnownTransfer, move, type Oracle } from "./oracle.ts"
import { collect } from "./oracle-purchases.ts"
import type { World } from "./world.ts"

export interface Adjustment {
  /** The operator's id; the same adjustment under the same id is made once. */
  id: string
  wallet: WalletKind
  direction: "credit" | "debit"
  /** In nano-USD, more than 0. */
  amount: bigint
}

const REASONS: Partial<Record<PostResult["kind"], string>> = {
  insufficient: "payment_required",
  conflict: "conflict",
  frozen: "conflict",
}

/** Credits or debits a wallet. */
export function adjust(world: World, customer: Customer, adjustment: Adjustment): void {
  const { oracle } = world
  const { id, wallet, direction, amount } = adjustment
  const known = transferFor(customer, adjustment)
  let foreseen: PostResult["kind"] = "posted"
  launch(world, {
    what: `${direction} ${wallet} of ${customer.id} ${amount} nanos as ${id}`,
    call: needs =>
      adjustCredit(needs, {
        id,
        wallet,
        direction,
        customer_id: customer.id,
        amount: formatUsd(amount),
        reason: "simulated",
      }),
    foresee() {
      foreseen = foreseePosting(oracle, customer, known)
      return posting(oracle, foreseen, [known])
    },
    answered: transfer_id =>
      assertThat(transfer_id === known.id, () => `${known.id} answered as ${transfer_id}`),
    isRefusal: error => error.reason === REASONS[foreseen],
  })
}

/** What posting one transfer between a wallet and the operator must answer. */
function foreseePosting(oracle: Oracle, customer: Customer, known: KnownTransfer): PostResult["kind"] {
  const stored = oracle.transfers.get(known.id)
  if (stored)
    return stored.amount === known.amount && stored.from === known.from && stored.to === known.to
      ? "exists"
      : "conflict"
  if (known.from.startsWith("system/")) return "posted"
  const is_token = known.from.endsWith("/token")
  if (is_token && customer.is_frozen) return "frozen"
  return (is_token ? customer.balances.token : customer.balances.cash) < known.amount
    ? "insufficient"
    : "posted"
}

const posting = (
  oracle: Oracle,
  kind: PostResult["kind"],
  transfers: readonly KnownTransfer[],
): Foreseen => ({
  check: value =>
    assertThat(
      (value as PostResult).kind === kind,
      () => `${transfers[0]?.id} should be ${kind}, is ${JSON.stringify(value)}`,
    ),
  follow: () => kind === "posted" && move(oracle, transfers),
})

function transferFor(customer: Customer, { id, wallet, direction, amount }: Adjustment): KnownTransfer {
  const account = `${customer.id}/${wallet}`
  const issue = wallet === "token" ? "system/issue_admin" : "system/issue_cash_admin"
  const [from, to] = direction === "credit" ? [issue, account] : [account, issue]
  return { id: `admin:${id}`, from, to, amount }
}

/** Two transfers in one posting: a credit, and a debit that may exceed what is there. Both apply, or none. */
export function postLinked(
  world: World,
  customer: Customer,
  amounts: { credit: bigint; debit: bigint },
): void {
  const { oracle } = world
  const id = world.newId("linked")
  const known = (["credit", "debit"] as const).map(direction =>
    transferFor(customer, {
      id: `${id}:${direction}`,
      wallet: "token",
      direction,
      amount: amounts[direction],
    }),
  )
  launch(world, {
    what: `link ${id} for ${customer.id}: +${amounts.credit} -${amounts.debit} nanos`,
    call: ({ store }) => store.tx(q => post(q, world.now, known.map(toTransfer))),
    foresee() {
      const is_covered = customer.balances.token + amounts.credit >= amounts.debit
      const kind = customer.is_frozen ? "frozen" : is_covered ? "posted" : "insufficient"
      return posting(oracle, kind, known)
    },
  })
}

/** Gives every customer as much credit as cash, in one posting. */
export function endow(world: World): void {
  const { oracle, random } = world
  const known = oracle.customers.flatMap(customer => {
    const amount = BigInt(random.between(1, 800_000_000))
    const give = (wallet: WalletKind) =>
      transferFor(customer, { id: world.newId("linked"), wallet, direction: "credit", amount })
    return [give("token"), give("cash")]
  })
  launch(world, {
    what: "endow all customers",
    call: ({ store }) => store.tx(q => post(q, world.now, known.map(toTransfer))),
    foresee: () => posting(oracle, "posted", known),
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

/** Stops debits of a wallet, or allows them again, after what was owed meanwhile has been taken. */
export function setFrozen(world: World, customer: Customer, is_frozen: boolean): void {
  const { oracle, now } = world
  launch(world, {
    what: `${is_frozen ? "freeze" : "thaw"} ${customer.id}`,
    call: needs =>
      needs.store.tx(q =>
        is_frozen ? setFrozenInStore(q, customer.id, true) : thawWallet(q, needs, customer.id),
      ),
    foresee: () => ({
      follow() {
        const was_frozen = customer.is_frozen
        oracle.journal.set(customer, "is_frozen", is_frozen)
        const group = `thaw:${customer.id}:${now}`
        // One thaw takes once; a second one in the same millisecond is the same.
        const is_new = was_frozen && !is_frozen && !oracle.transfers.has(`debt:${group}`)
        if (is_new) collect(oracle, customer, group)
      },
    }),
  })
}
