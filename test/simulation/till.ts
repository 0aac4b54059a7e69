/** The world outside: payments that customers made and auto-topup charges, whatever the server knows of them. */
import type { Payment } from "../../src/wallet/stripe/payment.ts"

/** A payment that succeeded, of which the server is told any number of times. */
export interface Paid {
  purchase_id: string
  payment: Payment
  is_card_kept: boolean
  /** The automatic charge it was. */
  job_id: string | undefined
}

/** What becomes of an automatic charge; decided once, as Stripe does by the idempotency key. */
export type Fate = "paid" | "declined" | "action-required" | "abandoned"

export interface Till {
  payments: Paid[]
  /** By job. */
  charges: Map<string, Fate>
  /** What becomes of charges in this run. */
  fates: readonly Fate[]
}

/** Any, or what a card that always fails has. */
export const FATES: readonly (readonly Fate[])[] = [
  ["paid", "paid", "declined", "action-required", "abandoned"],
  ["paid"],
  ["declined"],
]
