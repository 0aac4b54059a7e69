/** Domain events: one emit per business event, after its commit; not a message queue. */

/** Every event there is, with what it carries. Ids only; no amounts that a receipt already holds. */
export interface EventMap {
  "customer-registered": { customer_id: string }
  "customer-signed-in": { customer_id: string; key_id: string }
  "sign-in-failed": { reason: string }
  "key-created": { customer_id: string; key_id: string }
  "key-revoked": { customer_id: string; key_id: string }
  "credit-posted": { customer_id: string; transfer_id: string }
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
