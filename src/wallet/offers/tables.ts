/** The tables of what is offered: packages, bonus codes, and the operator's rules for rewards. */
import { bool, count, id, json, keyedBy, nanos, oneOf, string, table, time } from "../../../db/kit.ts"

/** What can be bought: Token Wallet credit, with VIP days when it is a VIP plan. */
export const package_offer = table("package_offer", {
  id: id(),
  label: string().notNull(),
  price_cents: count().notNull(),
  /** Token Wallet credit it gives; what exceeds the price is a gift. */
  credit_nanos: nanos().notNull(),
  /** Days of VIP Priority; 0 for a plain credit pack. */
  vip_days: count().notNull(),
  /** Order in lists, ascending. */
  position: count().notNull(),
  is_enabled: bool().notNull(),
  created_at: time().notNull(),
  updated_at: time().notNull(),
})

/** A code that adds a bonus to a package that is bought with it. */
export const bonus_code = table("bonus_code", {
  /** Upper case; at least 60 random bits, or chosen by the operator with limits. */
  code: string().primaryKey(),
  /** Who alone may use it; null is everybody. */
  customer_id: string(),
  /** Of a `session` code: its customer's mailbox, as a keyed hash; a mailbox has many addresses. */
  mailbox_hash: string(),
  /** `operator` makes codes for campaigns, `session` ones are issued to a customer who asks for one by mail. */
  source: oneOf(["operator", "session"]).notNull(),
  /** Percent of the package's credit, 1 to 100. */
  percent: count().notNull(),
  /** The most it adds; null is no limit. */
  max_bonus_nanos: nanos(),
  min_price_cents: count().notNull(),
  /** Uses by all customers together; null is no limit. */
  max_use_count: count(),
  max_use_count_per_customer: count().notNull(),
  starts_at: time().notNull(),
  expires_at: time(),
  is_enabled: bool().notNull(),
  created_at: time().notNull(),
})

/** One use of a code by a purchase: taken when the purchase is made, given back when it ends unpaid. */
export const code_use = table(
  "code_use",
  {
    code: string().notNull(),
    customer_id: string().notNull(),
    /** 1 for the customer's first use. */
    number: count().notNull(),
    purchase_id: string().notNull().unique(),
    created_at: time().notNull(),
  },
  columns => [keyedBy({ columns: [columns.code, columns.customer_id, columns.number] })],
)

/** The operator's rules as JSON of a known shape (rules.ts); a missing one has its default. */
export const rule = table("rule", {
  name: id(),
  value: json<Record<string, unknown>>().notNull(),
  updated_at: time().notNull(),
})
