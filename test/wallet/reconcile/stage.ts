/** A server with a demo Stripe, a customer who pays, and ways to make the two books differ. */
import type Stripe from "stripe"
import type { Comparison } from "../../../src/wallet/reconcile/comparison-book.ts"
import type { ReconcileNeeds } from "../../../src/wallet/reconcile/sources.ts"
import type { TestCustomer } from "../../support/app.ts"
import { openPaymentScene, type PaymentScene, type SceneOptions } from "../../support/payments.ts"

export interface Stage extends PaymentScene {
  customer: TestCustomer
  /** Pays for a package; credited by the confirm endpoint unless told. */
  pay(options?: {
    is_credited?: boolean
    package_id?: string
  }): Promise<{ intent: string; purchase_id: string }>
  deliver(): Promise<number>
  /** Adds a balance transaction of no purchase. */
  addEntry(entry: Partial<Stripe.BalanceTransaction>): void
  /** Needs with parts exchanged. */
  needs(parts?: Partial<ReconcileNeeds>): ReconcileNeeds
}

export async function openStage(options: SceneOptions = {}): Promise<Stage> {
  const scene = await openPaymentScene(options)
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const { control } = scene.stripe
  return {
    ...scene,
    customer,
    async pay({ is_credited = true, package_id = "standard" } = {}) {
      const { sessionId, purchase } = await scene.checkout(customer.key, { packageId: package_id })
      await control.pay(sessionId, { card: "pays" })
      if (is_credited) await scene.confirm(customer.key, sessionId)
      const intent = String(control.objects.sessions.get(sessionId)!.payment_intent)
      return { intent, purchase_id: purchase.id }
    },
    deliver: () => control.deliverPending(),
    addEntry(entry) {
      const entries = control.objects.balance_transactions as Map<string, Stripe.BalanceTransaction>
      const id = `txn_planted_${entries.size}`
      entries.set(id, {
        id,
        object: "balance_transaction",
        amount: 0,
        created: Math.floor(scene.clock.now() / 1000),
        currency: "usd",
        fee: 0,
        fee_details: [],
        reporting_category: "fee",
        source: null,
        type: "stripe_fee",
        ...entry,
      } as Stripe.BalanceTransaction)
    },
    needs: parts => ({ ...scene.app, ...parts }),
    close: scene.close,
    [Symbol.asyncDispose]: scene.close,
  }
}

/** A comparison's differences, each as a line. */
export const linesOf = ({ differences }: Comparison): string[] =>
  differences.map(one => `${one.ref}: ${one.ours_nanos} / ${one.theirs_nanos}`).sort()
