/** Customers, packages and purchases on a store in memory, for what is bought, paid, taken back and owed. */
import { verifyBooks } from "../../src/wallet/books/verify.ts"
import { getBalances } from "../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { type BonusCode, createCode, type NewCode } from "../../src/wallet/offers/code-book.ts"
import { getOfferedPackage, type PackageOffer, seedPackages } from "../../src/wallet/offers/packages.ts"
import { creditPurchase } from "../../src/wallet/purchases/credit.ts"
import { endPurchase, type Order, openPurchase, type Purchase } from "../../src/wallet/purchases/purchases.ts"
import { buyWithCash, type RedeemNeeds } from "../../src/wallet/purchases/redeem.ts"
import { returnReversal, reversePurchase } from "../../src/wallet/purchases/reverse.ts"
import { TERMS } from "./offers.ts"
import { createTestRandom } from "./random.ts"
import { openTestWallet, transferOf } from "./wallet.ts"

export type OrderBook = Awaited<ReturnType<typeof openOrderBook>>

/** What is taken back of a purchase. */
export interface Taken {
  purchase_id: string
  amount_cents: number
  reversal_id?: string
  kind?: "refund" | "dispute"
}

/** Opens a store with the seeded packages and the customers `cus_1` and `cus_2`, who have nothing. */
export async function openOrderBook() {
  const wallet = await openTestWallet()
  await wallet.addCustomer("cus_2")
  const { store, clock } = wallet
  await seedPackages({ store, clock })
  const random = createTestRandom()
  let id_count = 0
  const newId = (prefix: string) => `${prefix}_${++id_count}`
  const needs: RedeemNeeds = { ...wallet.needs, newId, config: { mail: undefined } }
  const offerOf = (id: string): Promise<PackageOffer> => getOfferedPackage(store.read, id)
  const open = async (order: Partial<Order> = {}, package_id = "standard"): Promise<Purchase> => {
    const offer = order.kind === "cash-load" ? undefined : (order.offer ?? (await offerOf(package_id)))
    const whole: Order = { customer_id: "cus_1", kind: "package", is_live: true, ...order, offer }
    return store.tx(q => openPurchase(q, needs, whole))
  }
  const pay = (purchase_id: string, intent: string | undefined = `pi_${purchase_id}`) =>
    store.tx(q => {
      const payment = { intent, card_fingerprint: null }
      return creditPurchase(q, needs, { purchase_id, paid_at: clock.now(), actor: "stripe", payment })
    })
  return {
    ...wallet,
    needs,
    offerOf,
    open,
    pay,
    /** Opens a purchase and pays it by Stripe. */
    async buy(order: Partial<Order> = {}, package_id = "standard"): Promise<Purchase> {
      const purchase = await open(order, package_id)
      await pay(purchase.id)
      return purchase
    },
    /** Buys a package from the Cash Wallet. */
    buyWithCash: (package_id: string, customer_id = "cus_1"): Promise<Purchase> =>
      buyWithCash(needs, { customer_id, package_id, code: undefined }, async (_, purchase) => purchase),
    end: (purchase_id: string, state: "expired" | "failed" | "mismatch", failure = "the test says so") =>
      store.tx(q => endPurchase(q, needs, { purchase_id, state, failure })),
    takeBack: ({ reversal_id = newId("re"), kind = "refund", ...taken }: Taken) =>
      store.tx(q => reversePurchase(q, needs, { ...taken, reversal_id, kind, event_at: clock.now() })),
    giveBack: (reversal_id: string) =>
      store.tx(q => returnReversal(q, needs, { reversal_id, event_at: clock.now() })),
    createCode: (terms: Partial<NewCode> = {}): Promise<BonusCode> =>
      store.tx(q => createCode(q, { random, now: clock.now() }, { ...TERMS, ...terms })),
    /** Uses up credit, as far as it reaches. */
    async spend(amount_nanos: number, customer_id = "cus_1"): Promise<void> {
      const amount = Math.min(amount_nanos, (await getBalances(store.read, customer_id)).token) as Nanos
      if (amount === 0) return
      const id = newId("spent")
      const from = `${customer_id}/token`
      await wallet.post([
        transferOf({
          id,
          group_id: id,
          kind: "admin_spent",
          from,
          to: "system/issue_admin",
          amount_nanos: amount,
        }),
      ])
    },
    /** What every law finds, of purchases and reversals beside the ledger. */
    allFindings: async (): Promise<string[]> =>
      (await verifyBooks(store.read)).flatMap(({ findings }) => findings),
    /** When VIP Priority ends, milliseconds. */
    async vipUntil(): Promise<number | null> {
      const find = "SELECT vip_until FROM customer WHERE id = 'cus_1'"
      return (await store.read.get<{ vip_until: number | null }>(find))!.vip_until
    },
    /** Token Wallet, Cash Wallet and debt in cents. */
    async cents(customer_id = "cus_1"): Promise<{ token: number; cash: number; debt: number }> {
      const { token, cash, cash_debt } = await getBalances(store.read, customer_id)
      return { token: token / 1e7, cash: cash / 1e7, debt: cash_debt / 1e7 }
    },
  }
}
