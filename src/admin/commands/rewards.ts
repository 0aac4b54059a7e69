/** The operator's commands for rewards: who claimed what, what referrals earn, and taking it back. */
import type { NoticeNeeds } from "../../notices/notify.ts"
import { toIso } from "../../platform/schema.ts"
import { formatUsd } from "../../wallet/ledger/nanos.ts"
import { listClaims, listCommissions, voidClaim, voidCommission } from "../../wallet/rewards/operator.ts"
import { type Command, type CommandNeeds, positiveOf, type Values } from "../command.ts"
import { readChoice } from "../option-values.ts"
import { findCustomer } from "./customers.ts"

const RULES = ["check-in", "share", "gumroad"] as const
const STATES = ["pending", "paid", "refused"] as const

const listRewards: Command = {
  name: "reward list",
  summary: "Claimed rewards, newest first",
  options: { "customer?": "id or e-mail", "rule?": RULES.join("|"), "limit?": "rows" },
  async run(needs, values) {
    const claims = await listClaims(needs.store.read, {
      customer_id: await customerOf(needs, values, "customer"),
      rule: values.rule === undefined ? null : readChoice("rule", values.rule, RULES),
      limit: positiveOf(values, "limit", 50),
    })
    return claims.map(claim => ({
      id: claim.id,
      customerId: claim.customer_id,
      rule: claim.rule,
      amountUsd: formatUsd(claim.amount_nanos),
      voidedUsd: claim.voided_nanos === null ? null : formatUsd(claim.voided_nanos),
      // Of a licence there is a hash only, which says nothing.
      post: claim.rule === "share" ? claim.proof : null,
      hasDevice: claim.has_device === 1,
      hasCard: claim.has_card === 1,
      createdAt: toIso(claim.created_at),
    }))
  },
}

const voidReward: Command = {
  name: "reward void",
  summary: "Take back what is left of a Gumroad licence's credit, e.g. after its sale was refunded",
  options: { claim: "id, gumroad:…", reason: "text that the customer is told" },
  async run(needs: CommandNeeds & NoticeNeeds, values) {
    const id = values.claim!
    const taken = await voidClaim(needs, { claim_id: id, reason: values.reason! })
    return { id, voidedUsd: formatUsd(taken) }
  },
}

const listReferralCommissions: Command = {
  name: "commission list",
  summary: "What purchases of brought customers earn their referrers, newest first",
  options: { "referrer?": "id or e-mail", "state?": STATES.join("|"), "limit?": "rows" },
  async run(needs, values) {
    const commissions = await listCommissions(needs.store.read, {
      referrer_id: await customerOf(needs, values, "referrer"),
      state: values.state === undefined ? null : readChoice("state", values.state, STATES),
      limit: positiveOf(values, "limit", 50),
    })
    return commissions.map(one => ({
      purchase: one.purchase_id,
      referrerId: one.referrer_id,
      customerId: one.customer_id,
      amountUsd: formatUsd(one.amount_nanos),
      reversedUsd: formatUsd(one.reversed_nanos),
      state: one.state,
      refusedFor: one.refused_for,
      dueAt: toIso(one.due_at),
      createdAt: toIso(one.created_at),
    }))
  },
}

const voidReferralCommission: Command = {
  name: "commission void",
  summary: "Refuse a commission that is not paid out yet",
  options: { purchase: "id", reason: "text that the referrer sees" },
  async run(needs: CommandNeeds & NoticeNeeds, values) {
    const purchase = values.purchase!
    const taken = await voidCommission(needs, { purchase_id: purchase, reason: values.reason! })
    return { purchase, state: "refused", voidedUsd: formatUsd(taken) }
  },
}

const customerOf = async (
  needs: CommandNeeds,
  values: Values,
  option: "customer" | "referrer",
): Promise<string | null> =>
  values[option] === undefined ? null : (await findCustomer(needs, values[option])).id

export const rewardCommands: readonly Command[] = [
  listRewards,
  voidReward,
  listReferralCommissions,
  voidReferralCommission,
]
