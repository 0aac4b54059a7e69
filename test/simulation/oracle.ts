/**
 * What must be true: the oracle's own books of customers, money and requests, moved by its own rules whenever a job of
 * the store has run, and moved back when its group is undone.
 */
import type { Admission, Meter } from "../../src/wallet/metering/meter.ts"
import type { Outcome, Settlement } from "../../src/wallet/metering/receipt.ts"
import { createJournal, type Journal } from "./journal.ts"
import type { AutoTopupJob, SavedCard, Wish as TopupWish } from "./oracle-auto-topup.ts"
import type { Commission } from "./oracle-commissions.ts"
import type { Purchase, Reversal } from "./oracle-purchases.ts"
import type { Claim } from "./oracle-rewards.ts"

/** A law is broken, or an answer is wrong. */
export class Violation extends Error {
  override readonly name = "Violation"
}

export function assertThat(isTrue: boolean, otherwise: () => string): void {
  if (!isTrue) throw new Violation(otherwise())
}

/** A transfer that must be in the books. */
export interface KnownTransfer {
  id: string
  from: string
  to: string
  amount: bigint
}

export type Kind = "token" | "token_held" | "cash" | "cash_debt" | "referral_pending"

export interface Customer {
  id: string
  /** Two of them are spellings of one mailbox. */
  email: string
  balances: Record<Kind, bigint>
  is_frozen: boolean
  /** Until when VIP Priority lasts, milliseconds; null without. */
  vip_until: number | null
  /** Who brought this customer. */
  referrer: Customer | undefined
  card: SavedCard | undefined
  auto_topup: TopupWish | undefined
}

/** How a request ended, and what it had held. */
export interface End {
  outcome: Outcome
  settlement: Settlement
}

export interface Request {
  admission: Admission
  customer: Customer
  /** `asked` until the first hold is applied, and for ever when it was refused. */
  phase: "asked" | "open"
  meter: Meter | undefined
  is_extending: boolean
  /** An end was asked for in this process, with or without success. */
  is_ending: boolean
  delivered: number
  /** By number. */
  holds: Map<number, bigint>
  checkpoint: number
  end: End | undefined
  announced_count: number
}

export interface Oracle {
  readonly customers: readonly Customer[]
  readonly requests: Request[]
  readonly journal: Journal
  readonly transfers: Map<string, KnownTransfer>
  readonly purchases: Map<string, Purchase>
  readonly reversals: Map<string, Reversal>
  readonly commissions: Map<string, Commission>
  readonly claims: Map<string, Claim>
  readonly topup_jobs: Map<string, AutoTopupJob>
  /** By purchase. */
  readonly code_uses: Map<string, CodeUse>
}

/** One use of a bonus code. */
export interface CodeUse {
  code: string
  customer: Customer
  number: number
}

export const createOracle = (customers: readonly Customer[]): Oracle => ({
  customers,
  requests: [],
  journal: createJournal(),
  transfers: new Map(),
  purchases: new Map(),
  reversals: new Map(),
  commissions: new Map(),
  claims: new Map(),
  topup_jobs: new Map(),
  code_uses: new Map(),
})

/** A customer without anything. */
export const createKnownCustomer = (id: string, email: string, referrer?: Customer): Customer => ({
  id,
  email,
  balances: { token: 0n, token_held: 0n, cash: 0n, cash_debt: 0n, referral_pending: 0n },
  is_frozen: false,
  vip_until: null,
  referrer,
  card: undefined,
  auto_topup: undefined,
})

/** Moves money in the oracle's books; what moves nothing is no transfer. */
export function move(oracle: Oracle, transfers: readonly KnownTransfer[]): void {
  for (const transfer of transfers) {
    if (transfer.amount === 0n) continue
    assertThat(!oracle.transfers.has(transfer.id), () => `${transfer.id} would be posted twice`)
    oracle.journal.put(oracle.transfers, transfer.id, transfer)
    change(oracle, transfer.from, -transfer.amount)
    change(oracle, transfer.to, transfer.amount)
  }
}

function change({ customers, journal }: Oracle, account: string, amount: bigint): void {
  const [owner, kind] = account.split("/") as [string, Kind]
  if (owner === "system") return
  const customer = customers.find(one => one.id === owner)
  assertThat(customer !== undefined, () => `${account} is nobody's`)
  const { balances } = customer!
  journal.set(balances, kind, balances[kind] + amount)
  assertThat(balances[kind] >= 0n, () => `${account} would stand at ${balances[kind]}`)
}

/** What a debit can take of the Token Wallet. */
export const spendable = (customer: Customer): bigint => (customer.is_frozen ? 0n : customer.balances.token)

export function heldBy(request: Request): bigint {
  let held = 0n
  for (const amount of request.holds.values()) held += amount
  return held
}

export const isOpen = (request: Request): boolean => request.phase === "open" && !request.end

export const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b)

export const NANOS_PER_CENT = 10_000_000n
