/** Customers, packages and purchases on a store in memory, for what bonus codes give. */
import type { Store } from "../../src/platform/store.ts"
import { type BonusCode, createCode, type NewCode } from "../../src/wallet/offers/code-book.ts"
import { type CodeBonus, giveCodeBack, previewCode, takeCode } from "../../src/wallet/offers/codes.ts"
import { findPackage, type PackageOffer, seedPackages } from "../../src/wallet/offers/packages.ts"
import { createTestClock, START_AT } from "./clock.ts"
import { createTestRandom } from "./random.ts"
import { openTestStore } from "./store.ts"

const INSERT_PURCHASE = `INSERT INTO purchase (id, customer_id, kind, package_id, price_cents, credit_nanos, bonus_nanos,
  vip_days, state, is_live, created_at) VALUES (?, ?, 'package', ?, ?, ?, 0, 0, 'open', 1, 0)`

/** Terms without any limit but one use per customer. */
export const TERMS: NewCode = {
  customer_id: null,
  source: "operator",
  percent: 10,
  max_bonus_nanos: null,
  min_price_cents: 0,
  max_use_count: null,
  max_use_count_per_customer: 1,
  starts_at: START_AT,
  expires_at: null,
}

export type TestOffers = Awaited<ReturnType<typeof openTestOffers>>

/** Opens a store with the seeded packages and so many customers: `cus_1`, `cus_2` … */
export async function openTestOffers(customer_count = 2) {
  const store = openTestStore()
  const clock = createTestClock()
  const random = createTestRandom()
  await seedPackages({ store, clock })
  await store.tx(async q => {
    for (let number = 1; number <= customer_count; number++) {
      const id = `cus_${number}`
      const sql =
        "INSERT INTO customer (id, email, password_hash, status, created_at) VALUES (?, ?, 'hash', 'active', 0)"
      await q.run(sql, id, `${id}@example.com`)
    }
  })
  let purchase_count = 0
  const nextPurchase = () => `ord_${++purchase_count}`
  return {
    store,
    clock,
    create: (terms: Partial<NewCode> = {}): Promise<BonusCode> =>
      store.tx(q => createCode(q, { random, now: clock.now() }, { ...TERMS, ...terms })),
    async preview(code: string, customer_id = "cus_1", package_id = "standard"): Promise<CodeBonus> {
      const offer = await offerOf(store, package_id)
      return previewCode(store.read, clock.now(), { code, customer_id, offer })
    },
    /** Opens a purchase with a code, as a checkout does. */
    take: (code: string, customer_id = "cus_1", purchase_id = nextPurchase()): Promise<CodeBonus & Taken> =>
      store.tx(async q => {
        const offer = await offerOf(store, "standard")
        const { price_cents, credit_nanos } = offer
        await q.run(INSERT_PURCHASE, purchase_id, customer_id, offer.id, price_cents, credit_nanos)
        const bonus = await takeCode(q, clock.now(), { code, customer_id, offer, purchase_id })
        return { ...bonus, purchase_id }
      }),
    pay: (purchase_id: string) =>
      store.tx(q => q.run("UPDATE purchase SET state = 'paid', paid_at = 1 WHERE id = ?", purchase_id)),
    giveBack: (purchase_id: string) => store.tx(q => giveCodeBack(q, purchase_id)),
    /** Uses that stand, as `customer number purchase`. */
    async uses(): Promise<string[]> {
      const rows = await store.read.all<Record<string, string>>(
        "SELECT customer_id, number, purchase_id FROM code_use ORDER BY customer_id, number",
      )
      return rows.map(row => `${row.customer_id} ${row.number} ${row.purchase_id}`)
    },
  }
}

export interface Taken {
  purchase_id: string
}

async function offerOf(store: Store, id: string): Promise<PackageOffer> {
  const offer = await findPackage(store.read, id)
  if (!offer) throw new Error(`there is no package ${id}`)
  return offer
}
