/** Whether what the server announces to itself has happened: an event comes after its commit, and once. */
import type { EventMap, EventName } from "../../src/platform/events.ts"
import { assertThat, type Oracle } from "./oracle.ts"

type Told = { [Name in EventName]: { name: Name; data: EventMap[Name] } }[EventName]

/** Throws Violation. */
export function assertAnnounced<Name extends EventName>(
  oracle: Oracle,
  name: Name,
  data: EventMap[Name],
): void {
  assertThat(
    hasHappened(oracle, { name, data } as Told),
    () => `${name} was announced, but is not so, or again: ${JSON.stringify(data)}`,
  )
}

function hasHappened(oracle: Oracle, { name, data }: Told): boolean {
  switch (name) {
    case "request-settled":
    case "request-released": {
      const request = oracle.requests.find(one => one.admission.request_id === data.request_id)
      // What recovery ends the oracle looks at afterwards.
      const has_ended = data.end_reason === "server-stopped" || request?.end !== undefined
      if (request) request.announced_count += 1
      return has_ended && request?.announced_count === 1
    }
    case "purchase-paid": {
      const purchase = oracle.purchases.get(data.purchase_id)
      if (purchase) purchase.announced_count += 1
      return purchase?.state === "paid" && purchase.announced_count === 1
    }
    case "purchase-opened":
      return oracle.purchases.has(data.purchase_id)
    case "credit-posted":
      return oracle.transfers.has(data.transfer_id)
    case "payment-reversed":
      return oracle.reversals.has(data.reversal_id)
    case "reversal-returned":
      return oracle.reversals.get(data.reversal_id)?.state === "returned"
    case "reward-claimed":
      return oracle.claims.has(data.claim_id)
    case "commission-paid":
      return oracle.commissions.get(data.purchase_id)?.state === "paid"
    default:
      return true
  }
}
