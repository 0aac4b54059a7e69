/** Rewards on a store in memory: customers, who brought whom, real purchases and reversals, and what stands in the books. */
import { expect } from "bun:test"
import { createVault } from "../../src/auth/vault.ts"
import { createNewId } from "../../src/platform/ids.ts"
import { getBalances } from "../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { type RuleName, setRule } from "../../src/wallet/offers/rules.ts"
import { creditPurchase } from "../../src/wallet/purchases/credit.ts"
import { openPurchase, type PurchaseKind } from "../../src/wallet/purchases/purchases.ts"
import { returnReversal, reversePurchase } from "../../src/wallet/purchases/reverse.ts"
import { getReferralCode, recordReferral } from "../../src/wallet/rewards/referral.ts"
import { createTestRandom } from "./random.ts"
import { openTestWallet, transferOf } from "./wallet.ts"

export const DAY_MS = 86_400_000
/** What a claim comes with beside its customer: no device, no token. */
export const FROM = { device_id: undefined, turnstile_token: undefined, address: "192.0.2.1" }
export const noRemember = async () => {}

const PENDING_DIFFERENCES = `SELECT a.customer_id, a.balance_nanos FROM ledger_account a
  WHERE a.kind = 'referral_pending' AND a.balance_nanos <>
    (SELECT coalesce(sum(amount_nanos - reversed_nanos), 0) FROM referral_commission c
      WHERE c.referrer_id = a.customer_id AND c.state = 'pending')`

export interface Buy {
  customer_id?: string
  kind?: PurchaseKind
  price_cents?: number
  card?: string | null
  paid_at?: number
  /** Of real money unless told. */
  is_live?: boolean
}

export type RewardStage = Awaited<ReturnType<typeof openRewardStage>>

/** Opens a store with `cus_1` and so many more customers, all older than a day: `cus_2` … */
export async function openRewardStage(customer_count = 2) {
  const wallet = await openTestWallet()
  const { store, clock } = wallet
  const random = createTestRandom()
  const needs = {
    ...wallet.needs,
    random,
    vault: createVault("a secret of the tests, 32 letters or more", random),
    newId: createNewId({ clock, random }),
    fetch: async () => new Response(null, { status: 500 }),
    catalog: { hasUpstream: () => false },
    config: { mail: undefined, turnstile: undefined, public_url: "https://codexapi.example" },
  }
  for (let number = 2; number <= customer_count; number++) await wallet.addCustomer(`cus_${number}`)
  let intent_count = 0

  /** Buys and pays a package, and gives the purchase's id. */
  const buy = ({ customer_id = "cus_2", kind = "package", price_cents = 1_000, ...paid }: Buy = {}) =>
    store.tx(async q => {
      const credit_nanos = (price_cents * 10_000_000) as Nanos
      const offer = {
        id: "test",
        label: "Test",
        price_cents,
        credit_nanos,
        vip_days: 0,
        position: 1,
        is_enabled: true,
      }
      const order = kind === "cash-load" ? { price_cents } : { offer }
      const opened = await openPurchase(q, needs, {
        customer_id,
        kind,
        is_live: paid.is_live ?? true,
        ...order,
      })
      const { card = null, paid_at = clock.now() } = paid
      const payment = { intent: `pi_${++intent_count}`, card_fingerprint: card }
      const by_stripe = kind === "cash-purchase" ? {} : { payment }
      await creditPurchase(q, needs, { purchase_id: opened.id, paid_at, actor: "stripe", ...by_stripe })
      return opened.id
    })

  return {
    ...wallet,
    needs,
    buy,
    reverse: (
      purchase_id: string,
      amount_cents: number,
      { reversal_id = "re_1", kind = "refund" }: { reversal_id?: string; kind?: "refund" | "dispute" } = {},
    ) =>
      store.tx(q =>
        reversePurchase(q, needs, { reversal_id, purchase_id, kind, amount_cents, event_at: clock.now() }),
      ),
    giveBack: (reversal_id = "re_1") =>
      store.tx(q => returnReversal(q, needs, { reversal_id, event_at: clock.now() })),
    set: (name: RuleName, patch: unknown) => store.tx(q => setRule(q, clock.now(), name, patch)),
    /** Notes that a customer was brought by another. */
    async bring(customer_id = "cus_2", referrer_id = "cus_1"): Promise<void> {
      const code = await getReferralCode(needs, referrer_id)
      const email = `${customer_id}@example.com`
      await store.tx(q => recordReferral(q, needs, { customer_id, email, code }))
    },
    balancesOf: (customer_id = "cus_1") => getBalances(store.read, customer_id),
    /** Takes so much of a customer's cash, as if it were spent. */
    spend: (cents: number, customer_id = "cus_1") => {
      const id = `spent_${++intent_count}`
      const way = { from: `${customer_id}/cash`, to: "system/issue_cash_admin", kind: "admin_debit" }
      return wallet.post([transferOf({ id, ...way, amount_nanos: (cents * 10_000_000) as Nanos })])
    },
    /** Gives a customer as much credit as leaves room for ten cents. */
    fill: (customer_id = "cus_1") => {
      const amount_nanos = 8_999_999_900_000_000 as Nanos
      return wallet.post([
        transferOf({ id: `full_${customer_id}`, to: `${customer_id}/token`, amount_nanos }),
      ])
    },
    /** Every law holds, and what is pending of each referrer is what the commissions say. */
    async checkBooks(): Promise<void> {
      expect(await wallet.findings()).toEqual([])
      expect(await store.read.all(PENDING_DIFFERENCES)).toEqual([])
    },
    /** What is pending and in cash, in cents. */
    async earned(customer_id = "cus_1"): Promise<[pending: number, cash: number]> {
      const { referral_pending, cash } = await getBalances(store.read, customer_id)
      return [referral_pending / 10_000_000, cash / 10_000_000]
    },
    /** Every transfer whose id begins so: `id: from > to amount`, in order. */
    async transfersOf(prefix: string): Promise<string[]> {
      const rows = await store.read.all<Record<string, string | number>>(
        "SELECT * FROM ledger_transfer WHERE substr(id, 1, ?) = ? ORDER BY id",
        prefix.length,
        prefix,
      )
      return rows.map(row => `${row.id}: ${row.from_account} > ${row.to_account} ${row.amount_nanos}`)
    },
  }
}
