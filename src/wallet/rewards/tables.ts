/** The tables of rewards: who was brought by whom, what that earns, and what was claimed with which device or card. */
import { id, nanos, oneOf, string, table, time } from "../../../db/kit.ts"

export const referral_code = table("referral_code", {
  customer_id: id(),
  code: string().notNull().unique(),
  created_at: time().notNull(),
})

/** Who brought a customer; written once, at registration. */
export const referral = table("referral", {
  /** The customer who was brought. */
  customer_id: id(),
  referrer_id: string().notNull(),
  created_at: time().notNull(),
})

/** What a purchase of a brought customer earns the referrer. */
export const referral_commission = table("referral_commission", {
  purchase_id: id(),
  referrer_id: string().notNull(),
  customer_id: string().notNull(),
  amount_nanos: nanos().notNull(),
  /** What refunds and disputes took back of it. */
  reversed_nanos: nanos().notNull(),
  /** `pending` until due, then `paid` into the Cash Wallet; `refused` with the reason in words. */
  state: oneOf(["pending", "paid", "refused"]).notNull(),
  refused_for: string(),
  due_at: time().notNull(),
  created_at: time().notNull(),
})

/** A claimed reward, with what must not claim it twice. */
export const reward_claim = table("reward_claim", {
  /** The transfer's id: `checkin:<customer>:<day>`, `share:<customer>`, `gumroad:<sale>`. */
  id: id(),
  customer_id: string().notNull(),
  rule: oneOf(["check-in", "share", "gumroad"]).notNull(),
  /** Within which a device or card may claim once: the UTC day of a check-in, else empty. */
  slot: string().notNull(),
  /** Keyed hashes; null where unknown. */
  device_hash: string(),
  card_fingerprint: string(),
  /** Of the e-mail address at that time: one mailbox has many addresses. */
  mailbox_hash: string(),
  /** What shows that it was earned: the address of the post, the licence's hash. */
  proof: string(),
  amount_nanos: nanos().notNull(),
  created_at: time().notNull(),
})
