/** The map of the demonstration's API: method and path to the function of its noun, and the parameters it knows. */
import { listTransactions, retrieveTransaction } from "./balance.ts"
import { listCharges, retrieveCharge } from "./charges.ts"
import {
  CUSTOMER_PARAMS,
  createCustomer,
  listCustomers,
  retrieveCustomer,
  updateCustomer,
} from "./customers.ts"
import { listDisputes, retrieveDispute } from "./disputes.ts"
import { listEvents, retrieveEvent } from "./events.ts"
import { LIST_PARAMS } from "./listing.ts"
import type { Call } from "./params.ts"
import {
  CONFIRM_PARAMS,
  confirmIntent,
  createIntent,
  INTENT_PARAMS,
  listIntents,
  retrieveIntent,
} from "./payment-intents.ts"
import {
  attachCalled,
  detachMethod,
  listCustomerMethods,
  listMethods,
  retrieveMethod,
} from "./payment-methods.ts"
import { createRefund, listRefunds, REFUND_PARAMS, retrieveRefund } from "./refunds.ts"
import {
  createSession,
  expireSession,
  listLineItems,
  listSessions,
  retrieveSession,
  SESSION_PARAMS,
} from "./sessions.ts"
import { retrieveSetup } from "./setup-intents.ts"
import type { World } from "./world.ts"

type Endpoint = (world: World, call: Call) => object

interface Row {
  method: string
  segments: string[]
  endpoint: Endpoint
  params: readonly string[]
}

const row = (route: string, endpoint: Endpoint, params: readonly string[] = ["expand"]): Row => {
  const [method = "", path = ""] = route.split(" ")
  return { method, segments: path.split("/"), endpoint, params }
}

const LIST_BY_PAYMENT = [...LIST_PARAMS, "charge", "payment_intent"]

const ROWS: readonly Row[] = [
  row("POST /v1/customers", createCustomer, [...CUSTOMER_PARAMS, "payment_method"]),
  row("GET /v1/customers", listCustomers, [...LIST_PARAMS, "email"]),
  row("GET /v1/customers/:id", retrieveCustomer),
  row("POST /v1/customers/:id", updateCustomer, CUSTOMER_PARAMS),
  row("GET /v1/customers/:id/payment_methods", listCustomerMethods, [...LIST_PARAMS, "type"]),
  row("POST /v1/checkout/sessions", createSession, SESSION_PARAMS),
  row("GET /v1/checkout/sessions", listSessions, [...LIST_PARAMS, "customer", "payment_intent", "status"]),
  row("GET /v1/checkout/sessions/:id", retrieveSession),
  row("GET /v1/checkout/sessions/:id/line_items", listLineItems, LIST_PARAMS),
  row("POST /v1/checkout/sessions/:id/expire", expireSession),
  row("POST /v1/payment_intents", createIntent, INTENT_PARAMS),
  row("GET /v1/payment_intents", listIntents, [...LIST_PARAMS, "customer"]),
  row("GET /v1/payment_intents/:id", retrieveIntent, ["expand", "client_secret"]),
  row("POST /v1/payment_intents/:id/confirm", confirmIntent, CONFIRM_PARAMS),
  row("GET /v1/setup_intents/:id", retrieveSetup, ["expand", "client_secret"]),
  row("GET /v1/payment_methods", listMethods, [...LIST_PARAMS, "customer", "type"]),
  row("GET /v1/payment_methods/:id", retrieveMethod),
  row("POST /v1/payment_methods/:id/attach", attachCalled, ["customer", "expand"]),
  row("POST /v1/payment_methods/:id/detach", detachMethod),
  row("GET /v1/charges", listCharges, [...LIST_PARAMS, "customer", "payment_intent"]),
  row("GET /v1/charges/:id", retrieveCharge),
  row("POST /v1/refunds", createRefund, REFUND_PARAMS),
  row("GET /v1/refunds", listRefunds, LIST_BY_PAYMENT),
  row("GET /v1/refunds/:id", retrieveRefund),
  row("GET /v1/disputes", listDisputes, LIST_BY_PAYMENT),
  row("GET /v1/disputes/:id", retrieveDispute),
  row("GET /v1/events", listEvents, [...LIST_PARAMS, "type", "types", "delivery_success"]),
  row("GET /v1/events/:id", retrieveEvent),
  row("GET /v1/balance_transactions", listTransactions, [...LIST_PARAMS, "type", "source", "currency"]),
  row("GET /v1/balance_transactions/:id", retrieveTransaction),
]

export interface Found {
  endpoint: Endpoint
  params: readonly string[]
  id: string
}

/** The endpoint of a URL, and the id in it. */
export function findEndpoint(method: string, path: string): Found | undefined {
  const segments = path.split("/")
  for (const { method: served, segments: pattern, endpoint, params } of ROWS) {
    if (served !== method || pattern.length !== segments.length) continue
    if (!pattern.every((part, place) => part === ":id" || part === segments[place])) continue
    const place = pattern.indexOf(":id")
    return { endpoint, params, id: place < 0 ? "" : decode(segments[place] ?? "") }
  }
  return undefined
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Not a valid encoding: an id that no object has.
    return segment
  }
}
