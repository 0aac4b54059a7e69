/** Which account takes payments now: Stripe, its imitation while only the demo answers, or none. */
import type { Config } from "../../platform/config.ts"
import { createStripeAccount, type Payments, type StripeAccount } from "./account.ts"

/** The built-in imitation of Stripe, once it listens. */
export interface DemoPayments {
  account: StripeAccount
  /** Its payment page. */
  handlePage(request: Request): Promise<Response>
}

export interface SwitchablePayments extends Payments {
  /** Whether the demo may take payments now. */
  isDemo(): boolean
  useDemo(demo: DemoPayments): void
  findDemo(): DemoPayments | undefined
}

export interface PaymentsSetup {
  config: Pick<Config, "payments" | "stripe" | "demo">
  /** Whether real models are or were served: credit that nobody paid for must not buy them by default. */
  hasUpstream(): boolean
}

/** Chosen anew at each question: an upstream that is added switches the demo off at once. */
export function createPayments({ config, hasUpstream }: PaymentsSetup): SwitchablePayments {
  const stripe = config.stripe && createStripeAccount(config.stripe, { is_demo: false })
  let demo: DemoPayments | undefined
  const mayBeDemo = config.payments === "auto" && !stripe && config.demo !== "off"
  const isDemo = () => config.payments === "demo" || (mayBeDemo && !hasUpstream())
  return {
    find() {
      if (config.payments === "off") return undefined
      return isDemo() ? demo?.account : stripe
    },
    isDemo,
    useDemo(started) {
      demo = started
    },
    findDemo: () => (isDemo() ? demo : undefined),
  }
}
