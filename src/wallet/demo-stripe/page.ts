/** The payment page over HTTP: shows a session, takes what a person chose, and sends them on. */

import type Stripe from "stripe"
import { readBounded } from "../../platform/bounded-body.ts"
import { authenticate, payCheckout } from "./checkout.ts"
import { parseForm } from "./form.ts"
import { authenticationPage, endPage, payPage } from "./page-html.ts"
import { formatCents } from "./params.ts"
import { cardOf, isTestCardName } from "./test-cards.ts"
import { idOf, type World } from "./world.ts"

type Session = Stripe.Checkout.Session
type Intent = Stripe.PaymentIntent | Stripe.SetupIntent

const LARGEST_BODY_BYTES = 16 * 1024

/** Answers `<page_url>/<id>`, where the id is a session's, or a payment intent's that waits for 3-D Secure. */
export async function answerPage(world: World, request: Request): Promise<Response> {
  const id = new URL(request.url).pathname.split("/").at(-1) ?? ""
  const object = world.objects.find(id)
  const is_page = object?.object === "checkout.session" || object?.object === "payment_intent"
  if (!is_page) {
    return endPage({ title: "Not found", text: "There is no such payment, or it was long ago.", status: 404 })
  }
  if (request.method === "GET") {
    return object.object === "checkout.session" ? showSession(world, object) : showIntent(object)
  }
  if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "GET, POST" } })
  const form = parseForm((await readBounded(request, LARGEST_BODY_BYTES)) ?? "")
  const chosen: Chosen = { action: textOf(form.action), card: textOf(form.card), email: textOf(form.email) }
  return object.object === "checkout.session"
    ? takeChoice(world, object, chosen)
    : takeAnswer(world, object, chosen)
}

interface Chosen {
  action: string | undefined
  card: string | undefined
  email: string | undefined
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value.slice(0, 200) : undefined

const intentOf = (world: World, session: Session): Intent | undefined => {
  const id = idOf(session.mode === "setup" ? session.setup_intent : session.payment_intent)
  const object = id ? world.objects.find(id) : undefined
  return object?.object === "payment_intent" || object?.object === "setup_intent" ? object : undefined
}

const priceOf = (of: { amount: number | null; currency: string | null }): string | null =>
  of.amount === null ? null : formatCents(of.amount, of.currency ?? "usd")

function showSession(world: World, session: Session): Response {
  if (session.status === "complete") {
    const text = "This payment is complete."
    return endPage({ title: "Done", text, link: successUrl(session) })
  }
  if (session.status === "expired") {
    const text = "This payment page has expired. Please start again."
    return endPage({ title: "Expired", text, link: session.cancel_url })
  }
  const intent = intentOf(world, session)
  const total = { amount: session.amount_total, currency: session.currency }
  if (intent?.status === "requires_action") return authenticationPage(priceOf(total))
  const error = intent?.object === "setup_intent" ? intent.last_setup_error : intent?.last_payment_error
  return payPage({
    title: session.mode === "setup" ? "Save a card" : "Payment",
    items: world.details.get(session)?.line_items ?? [],
    total: total.amount === null ? null : { amount: total.amount, currency: total.currency ?? "usd" },
    email: session.customer_details?.email ?? null,
    error: error?.message ?? null,
    can_cancel: session.cancel_url !== null,
  })
}

function showIntent(intent: Stripe.PaymentIntent): Response {
  if (intent.status === "requires_action") return authenticationPage(priceOf(intent))
  return endPage({ title: "Done", text: "Nothing is to be confirmed for this payment." })
}

/** A form of the session's page; sent twice, the second one only leads on. */
function takeChoice(world: World, session: Session, chosen: Chosen): Response {
  if (chosen.action === "cancel" && session.status === "open") {
    return seeOther(session.cancel_url ?? pageUrl(world, session))
  }
  const intent = intentOf(world, session)
  if (session.status === "open") {
    if (intent?.status === "requires_action") answerBank(world, intent, chosen)
    else if (chosen.action === "pay" && chosen.card && isTestCardName(chosen.card)) {
      payCheckout(world, session, { card: cardOf(chosen.card), email: chosen.email })
    }
  }
  return seeOther(session.status === "complete" ? successUrl(session) : pageUrl(world, session))
}

/** The form of the 3-D Secure page of an intent without a session. */
function takeAnswer(world: World, intent: Stripe.PaymentIntent, chosen: Chosen): Response {
  const was_asked = intent.status === "requires_action"
  if (was_asked) answerBank(world, intent, chosen)
  const return_url = world.return_urls.get(intent)
  if (!was_asked || !return_url || intent.status === "requires_action") {
    return seeOther(pageUrl(world, intent))
  }
  const url = new URL(return_url)
  url.searchParams.set("payment_intent", intent.id)
  url.searchParams.set("payment_intent_client_secret", intent.client_secret ?? "")
  url.searchParams.set("redirect_status", intent.status === "succeeded" ? "succeeded" : "failed")
  return seeOther(url.href)
}

function answerBank(world: World, intent: Intent, { action }: Chosen): void {
  if (action === "confirm" || action === "refuse") authenticate(world, intent.id, action === "confirm")
}

const pageUrl = (world: World, { id }: { id: string }): string => `${world.page_url()}/${id}`

const successUrl = (session: Session): string =>
  (session.success_url ?? "").replaceAll("{CHECKOUT_SESSION_ID}", session.id)

const seeOther = (location: string): Response =>
  new Response(null, { status: 303, headers: { location, "cache-control": "no-store" } })
