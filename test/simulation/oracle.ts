/** What must be true, by acknowledged results alone: the oracle's own books of customers and requests. */
import type { Admission, Meter } from "../../src/wallet/metering/meter.ts"
import type { Outcome, Settlement } from "../../src/wallet/metering/receipt.ts"
import type { Books } from "./books.ts"

/** A law is broken, or an answer is wrong. */
export class Violation extends Error {
  override readonly name = "Violation"
}

export function assertThat(isTrue: boolean, otherwise: () => string): void {
  if (!isTrue) throw new Violation(otherwise())
}

/** A transfer the oracle knows to be committed. */
export interface KnownTransfer {
  id: string
  from: string
  to: string
  amount: bigint
}

export interface Customer {
  id: string
  /** Credits and debits that were acknowledged. */
  adjustments: Map<string, KnownTransfer>
  is_frozen: boolean
}

/** How a request ended, with what could have been free and frozen at that moment. */
export interface End {
  outcome: Outcome
  settlement: Settlement
  free: Range
  frozen: ReadonlySet<boolean>
}

export interface Request {
  admission: Admission
  customer: Customer
  /** `asked` until the first hold is applied; `refused` when it was not. */
  phase: "asked" | "open" | "refused"
  meter: Meter | undefined
  is_extending: boolean
  /** An end was asked for in this process, with or without success. */
  is_ending: boolean
  delivered: number
  /** Committed holds by number; what is on its way is in `holding`. */
  holds: Map<number, bigint>
  holding: bigint
  checkpoint: number
  end: End | undefined
  /** A repeated end said that it had ended. */
  is_said_to_have_ended: boolean
  announced_count: number
}

export interface Range {
  low: bigint
  high: bigint
}

/** Something under way; `low` and `high` say by how much it may change the customer's free balance. */
export interface Intent extends Range {
  what: string
  customer: Customer
  /** For a freeze or thaw: what it makes of the account. */
  freezes?: boolean
  /** After a crash nobody knows whether it happened: the books say, and the oracle takes it over. */
  adopt(books: Books, operation: Operation): void
}

export interface Operation extends Intent {
  /** Everything the free balance can be when the operation is carried out. */
  free: Range
  frozen: Set<boolean>
}

export interface Oracle {
  readonly customers: Customer[]
  readonly requests: Request[]
  readonly under_way: ReadonlySet<Operation>
  /** Call it before the real thing starts. */
  begin(intent: Intent): Operation
  finish(operation: Operation): void
  /** The process died: what was under way is looked up in the books. */
  adopt(books: Books): void
}

export function createOracle(customers: Customer[]): Oracle {
  const requests: Request[] = []
  const under_way = new Set<Operation>()
  return {
    customers,
    requests,
    under_way,
    begin(intent) {
      const others = [...under_way].filter(other => other.customer === intent.customer)
      const free = freeOf(intent.customer, requests)
      const operation: Operation = {
        ...intent,
        free: {
          low: others.reduce((sum, other) => sum + other.low, free),
          high: others.reduce((sum, other) => sum + other.high, free),
        },
        frozen: new Set([intent.customer.is_frozen, ...others.flatMap(other => other.freezes ?? [])]),
      }
      for (const other of others) widen(other, intent)
      under_way.add(operation)
      return operation
    },
    finish(operation) {
      under_way.delete(operation)
    },
    adopt(books) {
      for (const operation of under_way) operation.adopt(books, operation)
      under_way.clear()
      for (const request of requests) request.holding = 0n
    },
  }
}

/** What starts while another is under way may be carried out before it. */
function widen(operation: Operation, by: Intent): void {
  operation.free.low += by.low
  operation.free.high += by.high
  if (by.freezes !== undefined) operation.frozen.add(by.freezes)
}

/** Free balance by what is acknowledged. */
export function freeOf(customer: Customer, requests: readonly Request[]): bigint {
  let free = 0n
  for (const { from, amount } of customer.adjustments.values())
    free += from.startsWith("system/") ? amount : -amount
  for (const request of requests) if (request.customer === customer) free -= takenBy(request)
  return free
}

/** What a request keeps from the free balance: its holds while open, its charge afterwards. */
const takenBy = (request: Request): bigint =>
  request.end ? BigInt(request.end.settlement.charged_nanos) : heldBy(request)

export function heldBy(request: Request): bigint {
  let held = 0n
  for (const amount of request.holds.values()) held += amount
  return held
}

export const isWithin = (amount: bigint, range: Range): boolean => amount >= range.low && amount <= range.high
