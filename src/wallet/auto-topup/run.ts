/** The work of auto-topup: charges of before first, then everybody whose credit has fallen below their threshold. */
import Stripe from "stripe"
import type { Config } from "../../platform/config.ts"
import { describeError, type Log } from "../../platform/log.ts"
import type { Store } from "../../platform/store.ts"
import { findPackage } from "../offers/packages.ts"
import { getPurchase, type Purchase } from "../purchases/purchases.ts"
import type { StripeAccount } from "../stripe/account.ts"
import { type CheckoutNeeds, LONGEST_OPEN_MS, openCheckout } from "../stripe/checkout.ts"
import { settlePayment } from "../stripe/fulfil.ts"
import { readIntent } from "../stripe/payment.ts"
import { ownReturnUrls } from "../stripe/return-urls.ts"
import { ensureStripeCustomer } from "../stripe/stripe-customers.ts"
import {
  type AutoTopupJob,
  claimJob,
  endFailed,
  endPaid,
  isStillDue,
  type JobFailure,
  listBelowThreshold,
  listClaimed,
} from "./jobs.ts"
import { findCard } from "./saved-card.ts"

export interface AutoTopupNeeds extends CheckoutNeeds {
  log: Log
  config: CheckoutNeeds["config"] & Pick<Config, "public_url" | "port">
}

/** One pass, called every few seconds. What nobody can interpret keeps its claim and is asked again in the next pass. */
export async function runAutoTopup(needs: AutoTopupNeeds): Promise<void> {
  const account = needs.payments.find()
  if (!account) return
  for (const job of await listClaimed(needs.store.read)) await attempt(needs, account, job)
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: string[] = await listBelowThreshold(needs.store.read, after)
    for (const customer_id of page) {
      const job = await needs.store.tx(q => claimJob(q, needs, { customer_id, is_live: account.is_live }))
      if (job) await attempt(needs, account, job)
    }
    after = page.at(-1)
  }
}

async function attempt(needs: AutoTopupNeeds, account: StripeAccount, job: AutoTopupJob): Promise<void> {
  try {
    const purchase = await getPurchase(needs.store.read, job.purchase_id)
    // Its event was faster than its answer.
    if (purchase.state === "paid") return await needs.store.tx(q => endPaid(q, needs, job))
    if (purchase.is_live !== (account.is_live ? 1 : 0)) return await leaveMode(needs, job, purchase)
    const intent = await findOrCharge(needs, account, { job, purchase })
    if (intent) await conclude(needs, { job, purchase }, intent)
  } catch (error) {
    const refusal = readRefusal(error)
    const about = { job_id: job.id, ...describeError(error) }
    if (!refusal) return needs.log.warn("an automatic top-up is undecided", about)
    needs.log.info("an automatic top-up was refused", about)
    await fail(needs, job, refusal)
  }
}

/**
 * A test charge must never be made for money: it is given up. A live one may have been taken, so that it waits until the
 * live account is asked again.
 */
async function leaveMode(needs: AutoTopupNeeds, job: AutoTopupJob, { is_live }: Purchase): Promise<void> {
  if (!is_live) await fail(needs, job, { state: "abandoned", failure: "It was begun in test mode." })
}

/** Stripe forgets idempotency keys after 24 hours: then the charge is looked for instead of made again. */
const KEY_MS = 23 * 3_600_000

interface Charge {
  job: AutoTopupJob
  purchase: Purchase
}

/** The charge as Stripe has it; `undefined` when that is not known yet, or the job was given up. */
async function findOrCharge(
  needs: AutoTopupNeeds,
  account: StripeAccount,
  { job, purchase }: Charge,
): Promise<Stripe.PaymentIntent | undefined> {
  const customer = await ensureStripeCustomer(needs, account, job.customer_id)
  const now = needs.clock.now()
  const { customer_id } = job
  if (now - job.created_at > KEY_MS) return seekCharge(needs, account, { job, customer, patience_ms: 0 })
  if (!(await isStillDue(needs.store.read, { customer_id, package_id: purchase.package_id, now })))
    return seekCharge(needs, account, { job, customer, patience_ms: PATIENCE_MS })
  soughtIn(needs.store).delete(job.id)
  return charge(needs, account, { job, purchase, customer }).catch(error => {
    // The card changed after a call whose answer was lost: what that call did is looked for.
    if (error instanceof Stripe.errors.StripeIdempotencyError) return findCharge(account, { job, customer })
    throw error
  })
}

/** A call whose answer was lost may still be at work at Stripe: its charge is looked for so long before it is given up. */
const PATIENCE_MS = 5 * 60_000

/** Since when charges are looked for in vain, by their job; a restart forgets it, and only waits anew. */
const SOUGHT = new WeakMap<Store, Map<string, number>>()

function soughtIn(store: Store): Map<string, number> {
  const sought = SOUGHT.get(store) ?? new Map<string, number>()
  SOUGHT.set(store, sought)
  return sought
}

/** Looks for a charge that must not be made any more, and gives it up when it is not found for long enough. */
async function seekCharge(
  needs: AutoTopupNeeds,
  account: StripeAccount,
  { job, customer, patience_ms }: { job: AutoTopupJob; customer: string; patience_ms: number },
): Promise<Stripe.PaymentIntent | undefined> {
  const found = await findCharge(account, { job, customer })
  const sought = soughtIn(needs.store)
  const now = needs.clock.now()
  const since = sought.get(job.id) ?? now
  if (!found && now - since < patience_ms) {
    sought.set(job.id, since)
    return undefined
  }
  sought.delete(job.id)
  if (!found) await fail(needs, job, { state: "abandoned", failure: NEVER_TAKEN })
  return found
}

async function charge(
  needs: AutoTopupNeeds,
  account: StripeAccount,
  { job, purchase, customer }: Charge & { customer: string },
): Promise<Stripe.PaymentIntent> {
  const card = await findCard(needs.store.read, job.customer_id)
  return account.api.paymentIntents.create(
    {
      amount: purchase.price_cents,
      currency: "usd",
      customer,
      payment_method: card?.payment_method_id ?? "",
      off_session: true,
      confirm: true,
      description: `Automatic top-up, purchase ${purchase.id}`,
      metadata: { purchase_id: purchase.id, customer_id: job.customer_id, job_id: job.id },
      expand: ["latest_charge"],
    },
    { idempotencyKey: job.id },
  )
}

async function findCharge(
  account: StripeAccount,
  { job, customer }: { job: AutoTopupJob; customer: string },
): Promise<Stripe.PaymentIntent | undefined> {
  const since = Math.floor(job.created_at / 1000) - 60
  const intents = account.api.paymentIntents.list({
    customer,
    created: { gte: since },
    limit: 100,
    expand: ["data.latest_charge"],
  })
  for await (const intent of intents) if (intent.metadata.job_id === job.id) return intent
  return undefined
}

async function conclude(
  needs: AutoTopupNeeds,
  { job, purchase }: Charge,
  intent: Stripe.PaymentIntent,
): Promise<void> {
  switch (intent.status) {
    case "succeeded": {
      const settled = await settlePayment(needs, {
        purchase,
        payment: readIntent(intent),
        is_card_kept: false,
      })
      if (settled.kind === "mismatch")
        return fail(needs, job, { state: "abandoned", failure: mismatched(purchase) })
      return needs.store.tx(q => endPaid(q, needs, job))
    }
    case "processing":
      return
    case "requires_action":
      return fail(needs, job, authenticationRequired)
    default: {
      const error = intent.last_payment_error
      if (error?.code === AUTHENTICATION) return fail(needs, job, authenticationRequired)
      const why = error?.type === "card_error" ? error.message : undefined
      return fail(needs, job, { state: "declined", failure: declined(why) })
    }
  }
}

async function fail(needs: AutoTopupNeeds, job: AutoTopupJob, failure: JobFailure): Promise<void> {
  const link = failure.state === "action-required" ? await openLink(needs, job) : undefined
  await needs.store.tx(q => endFailed(q, needs, { job, ...failure, link }))
}

/** A payment page for the same package, which saves the card anew; without one the customer opens it alone. */
async function openLink(needs: AutoTopupNeeds, job: AutoTopupJob): Promise<string | undefined> {
  const { customer_id } = job
  const { public_url, port } = needs.config
  try {
    const { package_id } = await getPurchase(needs.store.read, job.purchase_id)
    const offer = await findPackage(needs.store.read, package_id ?? "")
    if (!offer?.is_enabled) return undefined
    const { url } = await openCheckout(needs, {
      order: { customer_id, kind: "package", offer },
      urls: ownReturnUrls(public_url ?? `http://localhost:${port}`),
      is_card_kept: true,
      label: offer.label,
      open_ms: LONGEST_OPEN_MS,
    })
    return url
  } catch (error) {
    needs.log.warn("no payment page for a confirmation", { job_id: job.id, ...describeError(error) })
    return undefined
  }
}

/** Stripe's code when the bank wants to see the customer. */
const AUTHENTICATION = "authentication_required"

const authenticationRequired: JobFailure = {
  state: "action-required",
  failure: "Your bank did not allow the charge without you.",
}
const NEVER_TAKEN = "Nothing was charged: the payment service never took the charge."
const mismatched = ({ id }: Purchase): string =>
  `What was paid is not what was ordered; nothing was credited. Tell the operator: purchase ${id}.`
/** Stripe's own words name its objects and our parameters: they are for the log. */
const REFUSED = "The payment service does not accept the saved card any more: save it again, or save another."
const declined = (why: string | undefined): string => `Your card was declined: ${why ?? "no reason given"}`

/** A refusal that a repeat would get again; `undefined` for what may have been a success. */
function readRefusal(error: unknown): JobFailure | undefined {
  if (error instanceof Stripe.errors.StripeCardError) {
    const is_authentication = error.code === AUTHENTICATION
    return is_authentication
      ? authenticationRequired
      : { state: "declined", failure: declined(error.message) }
  }
  // The card or its customer is gone, or the amount is not allowed: Stripe did nothing.
  if (error instanceof Stripe.errors.StripeInvalidRequestError) return { state: "declined", failure: REFUSED }
  return undefined
}
