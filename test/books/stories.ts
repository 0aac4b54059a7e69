/** What happens to customers beside model usage, told by the real code: purchases, reversals, rewards, debts, commissions. */
import { createEvents } from "../../src/platform/events.ts"
import type { Store, TxQuery } from "../../src/platform/store.ts"
import { getBalances } from "../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { post } from "../../src/wallet/ledger/post.ts"
import { createCode } from "../../src/wallet/offers/code-book.ts"
import type { PackageOffer } from "../../src/wallet/offers/packages.ts"
import { creditPurchase } from "../../src/wallet/purchases/credit.ts"
import { openPurchase } from "../../src/wallet/purchases/purchases.ts"
import { returnReversal, reversePurchase } from "../../src/wallet/purchases/reverse.ts"
import { type RewardRule, writeClaim } from "../../src/wallet/rewards/claim.ts"
import { payDueCommissions } from "../../src/wallet/rewards/commission.ts"
import { voidClaim, voidCommission } from "../../src/wallet/rewards/operator.ts"
import { createTestClock } from "../support/clock.ts"
import { createTestRandom } from "../support/random.ts"
import { customerId } from "./made-books.ts"

const DAY_MS = 86_400_000
const PRICE_CENTS = 1_000
const CODE = "MADEBOOKS"
const OFFER: PackageOffer = {
  id: "standard",
  label: "Standard",
  price_cents: PRICE_CENTS,
  credit_nanos: 10_000_000_000 as Nanos,
  vip_days: 0,
  position: 1,
  is_enabled: true,
}

/** Whom a story is about. */
interface Cast {
  q: TxQuery
  customer: string
  referrer: string
  /** Does a step that is a transaction of its own, when all stories are told and what is due was paid out. */
  later(step: () => Promise<unknown>): void
}

/** What a teller of stories can let happen; each step is the real code. */
interface Steps {
  /** A package by Stripe; gives the purchase's id. */
  buy(cast: Cast, paid?: { code?: string; days_ago?: number }): Promise<string>
  /** Twice a package's price; gives the purchase's id. */
  loadCash(cast: Cast): Promise<string>
  buyWithCash(cast: Cast): Promise<void>
  /** Everything that is in the Token Wallet. */
  spend(cast: Cast): Promise<void>
  reverse(cast: Cast, kind: "refund" | "dispute", purchase: { id: string; cents?: number }): Promise<string>
  giveBack(cast: Cast, reversal_id: string): Promise<void>
  claim(cast: Cast, rule: RewardRule): Promise<string>
  bring(cast: Cast): Promise<void>
  inTransaction(step: (q: TxQuery) => Promise<unknown>): Promise<unknown>
  /** By the operator, and not within another transaction. */
  voidClaim(claim_id: string): Promise<unknown>
  voidCommission(purchase_id: string): Promise<unknown>
}

/** Each is lived through by one customer in so many; together they make every kind of transfer but an operator's. */
export const STORIES: readonly ((cast: Cast, steps: Steps) => Promise<unknown>)[] = [
  async (cast, { buy, reverse }) => reverse(cast, "refund", { id: await buy(cast), cents: 333 }),
  async (cast, { buy, spend, reverse }) => {
    const id = await buy(cast)
    await spend(cast)
    await reverse(cast, "refund", { id })
  },
  async (cast, { buy, spend, reverse }) => {
    const id = await buy(cast)
    await spend(cast)
    await reverse(cast, "dispute", { id })
    await buy(cast)
  },
  async (cast, { buy, spend, reverse, giveBack }) => {
    const id = await buy(cast)
    await spend(cast)
    const reversal_id = await reverse(cast, "refund", { id })
    await buy(cast)
    await giveBack(cast, reversal_id)
  },
  async (cast, { buy, reverse, giveBack }) =>
    giveBack(cast, await reverse(cast, "dispute", { id: await buy(cast) })),
  async (cast, { claim }) => {
    await claim(cast, "check-in")
    await claim(cast, "share")
  },
  async (cast, { buy }) => buy(cast, { code: CODE }),
  async (cast, { loadCash, buyWithCash, reverse }) => {
    const id = await loadCash(cast)
    await buyWithCash(cast)
    await reverse(cast, "refund", { id, cents: 500 })
  },
  async (cast, { loadCash, buyWithCash, reverse, giveBack }) => {
    const id = await loadCash(cast)
    await buyWithCash(cast)
    await giveBack(cast, await reverse(cast, "dispute", { id, cents: 2 * PRICE_CENTS }))
  },
  async (cast, { bring, buy }) => {
    await bring(cast)
    await buy(cast)
    await buy(cast, { days_ago: 20 })
  },
  async (cast, { bring, buy, reverse }) => {
    await bring(cast)
    await reverse(cast, "refund", { id: await buy(cast), cents: 250 })
  },
  async (cast, { bring, buy, voidCommission }) => {
    await bring(cast)
    const id = await buy(cast)
    cast.later(() => voidCommission(id))
  },
  async (cast, { claim, voidClaim }) => {
    const id = await claim(cast, "gumroad")
    cast.later(() => voidClaim(id))
  },
  async (cast, { bring, buy, reverse, inTransaction }) => {
    await bring(cast)
    const id = await buy(cast, { days_ago: 20 })
    cast.later(() => inTransaction(q => reverse({ ...cast, q }, "refund", { id, cents: 400 })))
  },
]

/** Tells so many stories, one for every second customer, two days before the end. */
export async function tellStories(
  store: Store,
  told: { story_count: number; end_at: number },
): Promise<void> {
  const clock = createTestClock(told.end_at - 2 * DAY_MS)
  const needs = { store, clock, events: createEvents(), config: { mail: undefined }, ...numbering() }
  const steps = createSteps(needs)
  const later: (() => Promise<unknown>)[] = []
  await store.tx(async q => {
    await createCode(q, { random: createTestRandom(), now: 0 }, CODE_TERMS)
    for (let n = 0; n < told.story_count; n++) {
      const [customer, referrer] = [customerId(2 * n), customerId(2 * n + 1)]
      const cast = { q, customer, referrer, later: (step: () => Promise<unknown>) => void later.push(step) }
      await STORIES[n % STORIES.length]!(cast, steps)
    }
  })
  while ((await payDueCommissions(needs)) > 0);
  for (const step of later) await step()
}

const CODE_TERMS = {
  code: CODE,
  customer_id: null,
  source: "operator" as const,
  percent: 10,
  max_bonus_nanos: null,
  min_price_cents: 0,
  max_use_count: 1_000_000,
  max_use_count_per_customer: 1,
  starts_at: 0,
  expires_at: Number.MAX_SAFE_INTEGER,
}

/** Ids that are the same every time. */
function numbering() {
  let count = 0
  return { newId: (prefix: string) => `${prefix}_story${String(++count).padStart(9, "0")}` }
}

type Needs = Parameters<typeof payDueCommissions>[0]

function createSteps(needs: Needs): Steps {
  const now = () => needs.clock.now()
  const pay = async (q: TxQuery, order: Parameters<typeof openPurchase>[2], days_ago = 0) => {
    const { id } = await openPurchase(q, needs, order)
    const payment =
      order.kind === "cash-purchase" ? undefined : { intent: needs.newId("pi"), card_fingerprint: null }
    const paid_at = now() - days_ago * DAY_MS
    await creditPurchase(q, needs, { purchase_id: id, paid_at, actor: "stripe", payment })
    return id
  }
  return {
    buy: ({ q, customer: customer_id }, { code, days_ago } = {}) =>
      pay(q, { customer_id, kind: "package", is_live: true, offer: OFFER, code }, days_ago),
    loadCash: ({ q, customer: customer_id }) =>
      pay(q, { customer_id, kind: "cash-load", is_live: true, price_cents: 2 * PRICE_CENTS }),
    async buyWithCash({ q, customer: customer_id }) {
      await pay(q, { customer_id, kind: "cash-purchase", is_live: true, offer: OFFER })
    },
    spend: cast => spend(cast, needs),
    async reverse({ q }, kind, { id, cents = PRICE_CENTS }) {
      const reversal_id = needs.newId(kind === "refund" ? "re" : "dp")
      const taken = { reversal_id, purchase_id: id, kind, amount_cents: cents, event_at: now() }
      await reversePurchase(q, needs, taken)
      return reversal_id
    },
    async giveBack({ q }, reversal_id) {
      await returnReversal(q, needs, { reversal_id, event_at: now() })
    },
    async claim({ q, customer }, rule) {
      const nothing = { device_hash: null, card_fingerprint: null, mailbox_hash: null, proof: null }
      const id = `${rule === "check-in" ? "checkin" : rule}:${customer}`
      const amount_nanos = 50_000_000 as Nanos
      await writeClaim(q, needs, {
        ...nothing,
        id,
        customer_id: customer,
        rule,
        slot: "",
        amount_nanos,
        ref: "",
      })
      return id
    },
    inTransaction: step => needs.store.tx(step),
    voidClaim: claim_id => voidClaim(needs, { claim_id, reason: "refunded" }),
    voidCommission: purchase_id => voidCommission(needs, { purchase_id, reason: "their own account" }),
    async bring({ q, customer, referrer }) {
      await q.run("INSERT INTO referral VALUES (?, ?, ?)", customer, referrer, now() - 30 * DAY_MS)
    },
  }
}

async function spend({ q, customer }: Cast, needs: Needs): Promise<void> {
  const { token } = await getBalances(q, customer)
  const id = needs.newId("admin:adj")
  const posted = await post(q, needs.clock.now(), [
    {
      id,
      group_id: id,
      kind: "admin_debit",
      from: `${customer}/token`,
      to: "system/issue_admin",
      amount_nanos: token,
      ref: "spent",
      actor: "admin:cli",
      event_at: needs.clock.now(),
    },
  ])
  if (posted.kind !== "posted") throw new Error(`${customer} could not spend: ${posted.kind}`)
}
