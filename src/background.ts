/** What the server does by itself beside answering: each job with how often it comes back. */

import type { App } from "./app.ts"
import { deliverOutbox } from "./notices/outbox.ts"
import { createSendMail } from "./notices/smtp.ts"
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "./platform/clock.ts"
import { forgetAnswers } from "./platform/idempotency.ts"
import type { Job } from "./platform/jobs.ts"
import { runAutoTopup } from "./wallet/auto-topup/run.ts"
import { sealLedger } from "./wallet/books/seal.ts"
import { watchLowBalances } from "./wallet/low-balance.ts"
import { reconcileDue } from "./wallet/reconcile/reconcile-due.ts"
import { payDueCommissions } from "./wallet/rewards/commission.ts"
import { sweepPayments } from "./wallet/stripe/sweep.ts"

/** The jobs of a running server, for `startJobs`. */
export function listJobs(app: App): Job[] {
  const low_balances = watchLowBalances(app)
  return [
    { name: "auto-topup", every_ms: 5 * SECOND_MS, run: () => runAutoTopup(app) },
    { name: "low balances", every_ms: 10 * SECOND_MS, run: () => low_balances.look() },
    { name: "payments", every_ms: MINUTE_MS, run: () => sweepPayments(app) },
    { name: "commissions", every_ms: 10 * MINUTE_MS, run: () => payDueCommissions(app) },
    { name: "remembered answers", every_ms: HOUR_MS, run: () => forgetAnswers(app) },
    { name: "ledger seal", every_ms: HOUR_MS, run: () => sealLedger(app) },
    { name: "reconciliation", every_ms: HOUR_MS, run: () => reconcileDue(app) },
    ...mailJobs(app),
  ]
}

function mailJobs(app: App): Job[] {
  const { mail } = app.config
  if (!mail) return []
  const sendMail = createSendMail(mail)
  return [{ name: "mail", every_ms: 3 * SECOND_MS, run: () => deliverOutbox({ ...app, sendMail }) }]
}
