/** The tables of identity: customers, their keys, and the operator's keys. */
import { count, id, json, keyedBy, oneOf, string, table, time } from "../../db/kit.ts"

export const customer = table("customer", {
  id: id(),
  /** Lower case; unique. */
  email: string().notNull().unique(),
  /** Argon2id in PHC form. */
  password_hash: string().notNull(),
  status: oneOf(["active", "suspended"]).notNull(),
  /** VIP Priority until then: first in the queue of a full upstream, and VIP-only routes. */
  vip_until: time(),
  /** Since when the address is known to be the customer's; null while it is not. */
  email_verified_at: time(),
  created_at: time().notNull(),
})

/** The code that was mailed to prove an address; one per customer, the newest. */
export const email_code = table("email_code", {
  customer_id: id(),
  email: string().notNull(),
  code_hash: string().notNull(),
  /** Wrong codes so far. */
  failure_count: count().notNull(),
  expires_at: time().notNull(),
  created_at: time().notNull(),
})

/** That a code was mailed, for a day: neither one customer nor one mailbox is mailed without end. */
export const email_code_issue = table(
  "email_code_issue",
  {
    customer_id: string().notNull(),
    created_at: time().notNull(),
    /** Keyed hash of the mailbox that it went to. */
    mailbox_hash: string().notNull(),
  },
  columns => [keyedBy({ columns: [columns.customer_id, columns.created_at] })],
)

export const api_key = table("api_key", {
  id: id(),
  customer_id: string().notNull(),
  /** `system` is the System Token (API username), one per customer; `user` is a User API Key. */
  kind: oneOf(["system", "user"]).notNull(),
  name: string().notNull(),
  /** What may be shown: readable prefix … last four characters. */
  hint: string().notNull(),
  /** HMAC-SHA-256 of the token with the server's pepper, hex. */
  token_hash: string().notNull().unique(),
  /** AES-256-GCM copy, only for the System Token, because the dashboard can show it. */
  sealed_token: string(),
  /** Public model ids this key may use; null is every model. */
  models: json<string[]>(),
  expires_at: time(),
  revoked_at: time(),
  created_at: time().notNull(),
})

export const admin_key = table("admin_key", {
  id: id(),
  name: string().notNull(),
  hint: string().notNull(),
  token_hash: string().notNull().unique(),
  revoked_at: time(),
  created_at: time().notNull(),
})
