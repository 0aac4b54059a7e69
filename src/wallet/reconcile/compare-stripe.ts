/** A day of Stripe's balance compared with our books, both ways; nothing is changed by it. */
import type Stripe from "stripe"
import type { Log } from "../../platform/log.ts"
import type { Query, Store } from "../../platform/store.ts"
import { addNanos, centsToNanos, formatUsd, type Nanos, ZERO } from "../ledger/nanos.ts"
import { findPurchase, findPurchaseByIntent, type Purchase } from "../purchases/purchases.ts"
import { isMissing, type StripeAccount } from "../stripe/account.ts"
import type { Comparison } from "./comparison-book.ts"
import type { Day } from "./day.ts"
import {
  type Booking,
  findBooking,
  ledgerAccountOf,
  listBookings,
  readTransferId,
} from "./stripe-bookings.ts"
import { type Entry, type Move, readEntries } from "./stripe-moves.ts"

export interface CompareStripeNeeds {
  store: Store
  log: Log
}

/** A comparison while it grows. */
interface Sheet {
  comparison: Comparison & { fees: { count: number; nanos: Nanos } }
  /** Ids of our transfers that Stripe's day has. */
  seen: Set<string>
}

/**
 * Every balance transaction of the day must have its transfer, whenever that was booked; every transfer of Stripe's
 * account booked on the day must be something that Stripe knows. Throws when Stripe does not answer.
 */
export async function compareStripe(
  needs: CompareStripeNeeds,
  { account, day }: { account: StripeAccount; day: Day },
): Promise<Comparison> {
  const { read } = needs.store
  const sheet: Sheet = { comparison: emptyComparison(day), seen: new Set() }
  const ledger_account = ledgerAccountOf(account)
  for await (const entry of readEntries(account, day)) {
    addFee(needs, sheet, entry)
    const { move } = entry
    if (!move) continue
    const id = move.transfer_id
    const booking = id === null ? undefined : await findBooking(read, { id, account: ledger_account })
    addMove(sheet, { move, booking, why: booking ? "" : await explainUnbooked(read, move) })
  }
  for (const booking of await listBookings(read, { account: ledger_account, day })) {
    if (sheet.seen.has(booking.id)) continue
    const why = await findAbsence(account.api, booking)
    if (why !== undefined) addAbsent(sheet, booking, why)
  }
  return sheet.comparison
}

const emptyComparison = (day: Day): Sheet["comparison"] => ({
  source: "stripe",
  day: day.name,
  compared_count: 0,
  ours_nanos: ZERO,
  theirs_nanos: ZERO,
  differences: [],
  fees: { count: 0, nanos: ZERO },
})

/** Fees are the operator's cost and in no book of ours: they are noted, and those of another currency logged. */
function addFee({ log }: CompareStripeNeeds, { comparison }: Sheet, { fee, fee_currency }: Entry): void {
  if (fee === 0) return
  if (fee_currency !== "usd") {
    log.info("a fee of Stripe in another currency", { day: comparison.day, fee, currency: fee_currency })
    return
  }
  const { fees } = comparison
  comparison.fees = { count: fees.count + 1, nanos: addNanos(fees.nanos, centsToNanos(fee)) }
}

interface Judged {
  move: Move
  booking: Booking | undefined
  /** Why there is no booking. */
  why: string
}

function addMove(sheet: Sheet, { move, booking, why }: Judged): void {
  const { comparison, seen } = sheet
  const is_usd = move.currency === "usd"
  const theirs_nanos = is_usd ? centsToNanos(move.amount) : null
  const is_first = booking !== undefined && !seen.has(booking.id)
  const ours_nanos = is_first ? booking.nanos : null
  if (booking) seen.add(booking.id)
  comparison.compared_count += 1
  comparison.ours_nanos = addNanos(comparison.ours_nanos, ours_nanos ?? ZERO)
  comparison.theirs_nanos = addNanos(comparison.theirs_nanos, theirs_nanos ?? ZERO)
  if (is_usd && ours_nanos === theirs_nanos) return
  const finding = judge({ move, booking, why }, is_first)
  comparison.differences.push({ key: move.id, ref: move.ref, finding, ours_nanos, theirs_nanos })
}

/** What is wrong with a move that our books do not have as it is. */
function judge({ move, booking, why }: Judged, is_first: boolean): string {
  const { what, currency } = move
  if (currency !== "usd") {
    const booked = booking ? `, and was booked with $${formatUsd(booking.nanos)}` : `: ${why}`
    return `${what} is ${move.amount} of the smallest unit of ${currency}, not usd${booked}`
  }
  if (!booking) return `${what} is not in our books: ${why}`
  if (!is_first) return `${what} moved money twice at Stripe, and is booked once`
  const [theirs, ours] = [formatUsd(centsToNanos(move.amount)), formatUsd(booking.nanos)]
  return `${what} is $${theirs} at Stripe, and was booked with $${ours}`
}

function addAbsent({ comparison }: Sheet, booking: Booking, why: string): void {
  comparison.compared_count += 1
  comparison.ours_nanos = addNanos(comparison.ours_nanos, booking.nanos)
  comparison.differences.push({
    key: booking.id,
    ref: readTransferId(booking.id)?.ref ?? booking.id,
    finding: `the transfer ${booking.id} is in our books, but ${why}`,
    ours_nanos: booking.nanos,
    theirs_nanos: null,
  })
}

/** What we know of a payment whose money is not booked. */
async function explainUnbooked(q: Query, { intent, purchase_id, transfer_id }: Move): Promise<string> {
  const purchase =
    (intent === null ? undefined : await findPurchaseByIntent(q, intent)) ??
    (purchase_id === null ? undefined : await findPurchase(q, purchase_id))
  if (!purchase) return intent === null ? "it belongs to no payment" : `no purchase was paid by ${intent}`
  if (transfer_id === null) return `it belongs to the purchase ${purchase.id}`
  return `its purchase ${purchase.id} ${stateOf(purchase)}`
}

function stateOf({ kind, state, failure }: Purchase): string {
  if (kind === "plan-payment" && state === "open") return "waits for its customer to redeem it"
  return failure === null ? `is ${state}` : `is ${state} (${failure})`
}

/** Why Stripe has no money of a booking; `undefined` when it has, on another day. Throws when Stripe does not answer. */
async function findAbsence(api: Stripe, { id }: Booking): Promise<string | undefined> {
  const booked = readTransferId(id)
  if (!booked) return "it names no payment, refund or dispute of Stripe's"
  const { kind, ref, is_returned } = booked
  try {
    switch (kind) {
      case "pi":
        return await findUnpaid(api, ref)
      case "refund":
        return judgeRefund(await api.refunds.retrieve(ref), is_returned)
      case "dispute":
        return judgeDispute(await api.disputes.retrieve(ref), is_returned)
    }
  } catch (error) {
    if (isMissing(error)) return `Stripe does not know ${ref}`
    throw error
  }
}

async function findUnpaid(api: Stripe, ref: string): Promise<string | undefined> {
  const intent = await api.paymentIntents.retrieve(ref, { expand: ["latest_charge"] })
  const charge = typeof intent.latest_charge === "object" ? intent.latest_charge : null
  if (intent.status === "succeeded" && charge?.balance_transaction) return undefined
  return `Stripe has no money of ${ref}, which is ${intent.status}`
}

function judgeRefund({ status }: Stripe.Refund, is_returned: boolean): string | undefined {
  if (!is_returned || status === "failed" || status === "canceled") return undefined
  return `at Stripe the refund is ${status}, not undone`
}

function judgeDispute(dispute: Stripe.Dispute, is_returned: boolean): string | undefined {
  if (is_returned) return dispute.status === "won" ? undefined : `at Stripe the dispute is ${dispute.status}`
  return dispute.balance_transactions.length > 0 ? undefined : "the dispute took no money at Stripe"
}
