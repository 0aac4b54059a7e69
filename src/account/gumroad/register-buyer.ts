/** Registering a buyer on Gumroad: an account and the credit of the licence, once for each sale, all or nothing. */
import { assertPassword, hashPassword } from "../../auth/passwords.ts"
import type { NoticeNeeds } from "../../notices/notify.ts"
import { AppError } from "../../platform/errors.ts"
import type { Query } from "../../platform/store.ts"
import type { Nanos } from "../../wallet/ledger/nanos.ts"
import { getRule } from "../../wallet/offers/rules.ts"
import { amountOf, writeClaim } from "../../wallet/rewards/claim.ts"
import {
  insertRegistered,
  type Registered,
  type RegisterNeeds,
  type Registration,
} from "../register/register.ts"
import { findSale, type LicenceNeeds } from "./licence.ts"

export type BuyerNeeds = RegisterNeeds & NoticeNeeds & LicenceNeeds

export interface Buyer extends Registration {
  licence_key: string
}

export interface RegisteredBuyer extends Registered {
  credit_nanos: Nanos
}

/**
 * Throws `forbidden` with `not_offered` while there is no product, what `findSale` throws, `conflict` with
 * `already_claimed` when the sale or the licence was used before, and what `registerCustomer` throws. Then nothing is
 * written: neither an account without its credit nor the other way round.
 */
export async function registerBuyer(needs: BuyerNeeds, buyer: Buyer): Promise<RegisteredBuyer> {
  assertPassword(buyer.password)
  const key = buyer.licence_key.trim()
  const proof = needs.vault.hash(`gumroad-licence:${key}`)
  const { product_id } = await getOffer(needs.store.read)
  // A licence that was used is refused without asking Gumroad.
  await assertUnused(needs.store.read, { proof, claim_id: "" })
  const { sale_id } = await findSale(needs, { product_id, key })
  const claim_id = `gumroad:${sale_id}`
  await assertUnused(needs.store.read, { proof, claim_id })
  const password_hash = await hashPassword(buyer.password)
  return needs.store.tx(async q => {
    await assertUnused(q, { proof, claim_id })
    const { amount_nanos: credit_nanos } = await getOffer(q)
    const registered = await insertRegistered(q, needs, { ...buyer, password_hash })
    await writeClaim(q, needs, {
      id: claim_id,
      customer_id: registered.customer.id,
      rule: "gumroad",
      slot: "",
      device_hash: null,
      card_fingerprint: null,
      // Every licence was paid for.
      mailbox_hash: null,
      proof,
      amount_nanos: credit_nanos,
      ref: `licence of ${product_id}`,
    })
    return { ...registered, credit_nanos }
  })
}

/** Throws `forbidden`. */
async function getOffer(q: Query): Promise<{ product_id: string; amount_nanos: Nanos }> {
  const { is_enabled, product_id, amount_usd } = await getRule(q, "gumroad")
  if (is_enabled && product_id !== "") return { product_id, amount_nanos: amountOf(amount_usd) }
  const message = "Gumroad licences are not taken here at present: register without one, or ask the operator."
  throw new AppError("forbidden", message, { code: "not_offered" })
}

const FIND_USE = "SELECT 1 AS found FROM reward_claim WHERE rule = 'gumroad' AND (proof = ? OR id = ?)"

async function assertUnused(q: Query, used: { proof: string; claim_id: string }): Promise<void> {
  if (!(await q.get(FIND_USE, used.proof, used.claim_id))) return
  const message = "This licence's credit was loaded before: sign in to the account that was made with it."
  throw new AppError("conflict", message, { code: "already_claimed", field: "licenseKey" })
}
