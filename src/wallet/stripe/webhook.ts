/** Stripe's events: the signature is checked, the object is fetched anew, and the same functions do the rest. */
import Stripe from "stripe"
import { readBounded } from "../../platform/bounded-body.ts"
import { AppError } from "../../platform/errors.ts"
import { describeError, type Log } from "../../platform/log.ts"
import { findPurchaseByIntent, findPurchaseBySession } from "../purchases/purchases.ts"
import { getAccount, isMissing, type StripeAccount } from "./account.ts"
import { type Fulfilment, type FulfilNeeds, fulfilIntent, fulfilSession } from "./fulfil.ts"
import { applyDispute, applyRefund, applyReversals, type ReversalOutcome } from "./reversals.ts"

/** No event of the types we hear is anywhere near it. */
const LARGEST_EVENT_BYTES = 1024 * 1024

const crypto = Stripe.createSubtleCryptoProvider()

/**
 * Reads an event from its raw body. Throws `invalid` for a missing, wrong or stale signature, whichever of the secrets
 * should have made it, and for a body that is none.
 */
export async function readEvent(
  account: StripeAccount,
  input: { body: string; signature: string | null; now: number },
): Promise<Stripe.Event> {
  if (!input.signature)
    throw new AppError("invalid", "The header `stripe-signature` is missing.", {
      code: "unsigned",
      field: "stripe-signature",
    })
  if (account.webhook_secrets.length === 0)
    throw new AppError("unavailable", "Set STRIPE_WEBHOOK_SECRET to the secret of this webhook endpoint.", {
      code: "webhook_unconfigured",
    })
  for (const secret of account.webhook_secrets) {
    const event = await account.api.webhooks
      .constructEventAsync(input.body, input.signature, secret, undefined, crypto, input.now)
      .catch(() => undefined) // the other secret may be the one; none of them is refused below
    if (event) return event
  }
  throw new AppError("invalid", "The signature of this event is wrong or too old.", {
    code: "bad_signature",
    field: "stripe-signature",
  })
}

/**
 * The webhook: 200 when the event was handled or is not ours, 4xx when it is not Stripe's, 5xx when it could not be
 * handled now, so that Stripe sends it again.
 */
export async function receiveEvent(
  needs: FulfilNeeds & { log: Log },
  request: Request,
): Promise<{ received: true }> {
  const account = getAccount(needs)
  const body = await readRaw(request)
  const signature = request.headers.get("stripe-signature")
  const event = await readEvent(account, { body, signature, now: needs.clock.now() })
  try {
    const outcome = await handleEvent(needs, event)
    needs.log.debug("stripe event", { event_id: event.id, type: event.type, outcome })
    return { received: true }
  } catch (error) {
    needs.log.warn("a stripe event failed", { event_id: event.id, type: event.type, ...describeError(error) })
    throw new AppError("unavailable", "This event could not be handled now. Send it again.", {
      code: "event_failed",
    })
  }
}

async function readRaw(request: Request): Promise<string> {
  const body = await readBounded(request, LARGEST_EVENT_BYTES)
  if (body !== undefined) return body
  throw new AppError("too_large", "This is larger than any event we hear.", { code: "request_too_large" })
}

/** What the server did about an event. */
export type EventOutcome = Fulfilment["kind"] | ReversalOutcome | "ignored"

const NOT_OURS: EventOutcome = "ignored"

/** Handles an event; again for a repeat, to no effect. Throws when Stripe or the database does not answer. */
export async function handleEvent(needs: FulfilNeeds, event: Stripe.Event): Promise<EventOutcome> {
  const account = getAccount(needs)
  const is_ours = event.livemode === account.is_live
  const outcome = is_ours ? await handle(needs, event).catch(ignoreMissing) : NOT_OURS
  // A refund may be of a payment that the operator still has to accept: the sweeper asks about it again.
  if (outcome !== "unknown" || !REVERSES.test(event.type)) account.handled_events.set(event.id, event.created)
  return outcome
}

const REVERSES = /^(?:refund|charge)\./

/** Of another server on the same account, or deleted since: asking again would not help. */
function ignoreMissing(error: unknown): EventOutcome {
  if (isMissing(error)) return NOT_OURS
  throw error
}

/** The types that carry news for us; the sweeper asks for the same. */
export const EVENT_TYPES = [
  "checkout.session.completed",
  "checkout.session.async_payment_succeeded",
  "checkout.session.async_payment_failed",
  "checkout.session.expired",
  "payment_intent.succeeded",
  "refund.created",
  "refund.updated",
  "refund.failed",
  "charge.refunded",
  "charge.dispute.created",
  "charge.dispute.updated",
  "charge.dispute.funds_withdrawn",
  "charge.dispute.funds_reinstated",
  "charge.dispute.closed",
] as const satisfies readonly Stripe.Event["type"][]

async function handle(needs: FulfilNeeds, event: Stripe.Event): Promise<EventOutcome> {
  switch (event.type) {
    case "checkout.session.completed":
    case "checkout.session.async_payment_succeeded":
    case "checkout.session.async_payment_failed":
    case "checkout.session.expired":
      return handleSession(needs, event.data.object.id)
    case "payment_intent.succeeded":
      return handleIntent(needs, event.data.object.id)
    case "refund.created":
    case "refund.updated":
    case "refund.failed":
      return applyRefund(needs, event.data.object.id)
    case "charge.refunded":
      return refundsOf(needs, event.data.object)
    case "charge.dispute.created":
    case "charge.dispute.updated":
    case "charge.dispute.funds_withdrawn":
    case "charge.dispute.funds_reinstated":
    case "charge.dispute.closed":
      return applyDispute(needs, event.data.object.id)
    default:
      return NOT_OURS
  }
}

/** What is paid is credited with everything that belongs to it: Stripe need not be asked again. */
const PAID: EventOutcome = "credited-before"

async function handleSession(needs: FulfilNeeds, session_id: string): Promise<EventOutcome> {
  if ((await findPurchaseBySession(needs.store.read, session_id))?.state === "paid") return PAID
  const fulfilled = await fulfilSession(needs, session_id)
  const intent =
    fulfilled.kind === "unpaid" && fulfilled.purchase.kind === "plan-payment"
      ? fulfilled.purchase.stripe_payment_intent
      : null
  if (intent !== null) await applyReversals(needs, intent)
  return fulfilled.kind
}

async function handleIntent(needs: FulfilNeeds, intent_id: string): Promise<EventOutcome> {
  if ((await findPurchaseByIntent(needs.store.read, intent_id))?.state === "paid") return PAID
  return (await fulfilIntent(needs, intent_id)).kind
}

/** A charge does not list its refunds any more: they are asked for. */
async function refundsOf(needs: FulfilNeeds, charge: Stripe.Charge): Promise<EventOutcome> {
  const refunds = getAccount(needs).api.refunds.list({ charge: charge.id, limit: 100 })
  let outcome: EventOutcome = NOT_OURS
  for await (const refund of refunds) outcome = await applyRefund(needs, refund.id)
  return outcome
}
