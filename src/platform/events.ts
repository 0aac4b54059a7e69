/** Domain events: one emit per business event, after its commit; not a message queue. */

/** Every event there is, with what it carries. Ids only; no amounts that a receipt already holds. */
export interface EventMap {
  "customer-registered": { customer_id: string }
  "customer-signed-in": { customer_id: string; key_id: string }
  "sign-in-failed": { reason: string }
  "key-created": { customer_id: string; key_id: string }
  "key-revoked": { customer_id: string; key_id: string }
  "credit-posted": { customer_id: string; transfer_id: string }
  "email-verified": { customer_id: string }
  "vip-extended": { customer_id: string; until: number }
  "purchase-opened": { customer_id: string; purchase_id: string }
  "purchase-paid": { customer_id: string; purchase_id: string }
  /** Without money: `expired`, `failed` or `mismatch`. */
  "purchase-ended": { customer_id: string; purchase_id: string; state: string }
  "payment-reversed": { customer_id: string; purchase_id: string; reversal_id: string }
  "reversal-returned": { customer_id: string; purchase_id: string; reversal_id: string }
  "code-issued": { customer_id: string }
  "reward-claimed": { customer_id: string; claim_id: string }
  "commission-recorded": { referrer_id: string; purchase_id: string; state: string }
  "commission-paid": { referrer_id: string; purchase_id: string }
  "auto-topup-changed": { customer_id: string }
  "auto-topup-ended": { customer_id: string; job_id: string; state: string }
  "notice-written": { customer_id: string; message_id: string; kind: string }
  "mail-sent": { mail_id: string }
  "mail-failed": { mail_id: string; state: string }
  "ledger-sealed": { day: string }
  reconciled: { source: string; day: string; difference_count: number }
  "request-refused": { customer_id?: string; reason: string; code: string }
  "request-settled": { request_id: string; customer_id: string; end_reason: string }
  "request-released": { request_id: string; customer_id: string; end_reason: string }
  "request-recovered": { request_id: string; state: string }
  "route-failed": { request_id: string; route_id: string; upstream_id: string; failure: string }
}

export type EventName = keyof EventMap
export type AnyEvent = { [Name in EventName]: { name: Name; data: EventMap[Name] } }[EventName]

export interface Events {
  emit<Name extends EventName>(name: Name, data: EventMap[Name]): void
  /** Calls `listener` for every event; the answer ends that. */
  listen(listener: (event: AnyEvent) => void): () => void
}

export function createEvents(): Events {
  const listeners = new Set<(event: AnyEvent) => void>()
  return {
    emit(name, data) {
      for (const listener of listeners) listener({ name, data } as AnyEvent)
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
