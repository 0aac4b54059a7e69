/** A claimed reward: the checks before it, and its row, transfer, notice and event, written together. */
import type { TurnstileNeeds } from "../../auth/turnstile.ts"
import { type NoticeNeeds, notify } from "../../notices/notify.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import type { Remember } from "../../platform/idempotency.ts"
import { toIsoOrNull } from "../../platform/schema.ts"
import type { Query, Store, TxQuery } from "../../platform/store.ts"
import { customerAccount, type SystemAccount } from "../ledger/chart.ts"
import { formatUsd, type Nanos, parseUsd } from "../ledger/nanos.ts"
import { post } from "../ledger/post.ts"
import {
  type AbuseNeeds,
  assertHumanClaim,
  type Claimant,
  findOwnCard,
  hashOwnMailbox,
  listObstacles,
  needsTurnstile,
} from "./anti-abuse.ts"

export type RewardRule = "check-in" | "share" | "gumroad"

/** What a claim writes. */
export interface Claim {
  /** States the rule; also the id of the transfer: `checkin:<customer>:<day>`, `share:<customer>`, `gumroad:<sale>`. */
  id: string
  customer_id: string
  rule: RewardRule
  slot: string
  device_hash: string | null
  card_fingerprint: string | null
  /** Null where a mailbox may have several. */
  mailbox_hash: string | null
  proof: string | null
  amount_nanos: Nanos
  /** What it was given for, in a few words. */
  ref: string
}

/**
 * Where each reward comes from. All of these are accounts of the token ledger, `post` refuses a transfer between two
 * ledgers, and no token account gives to a cash account: credit that was given cannot become money
 * (test: "credit that was given has no way to cash").
 */
export const REWARD_ACCOUNTS = {
  "check-in": { from: "system/issue_checkin", kind: "checkin" },
  share: { from: "system/issue_share", kind: "share" },
  gumroad: { from: "system/issue_gumroad", kind: "gumroad" },
} as const satisfies Record<RewardRule, { from: SystemAccount; kind: string }>

const TITLES: Record<RewardRule, string> = {
  "check-in": "Daily Check-in",
  share: "Share credit",
  gumroad: "Gumroad licence",
}

const FIND = "SELECT created_at FROM reward_claim WHERE id = ?"
const INSERT = `INSERT INTO reward_claim
  (id, customer_id, rule, slot, device_hash, card_fingerprint, mailbox_hash, proof, amount_nanos, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

/** When it was claimed; `undefined` when it was not. */
export const findClaimedAt = async (q: Query, claim_id: string): Promise<number | undefined> =>
  (await q.get<{ created_at: number }>(FIND, claim_id))?.created_at

/** An amount of a rule, which was checked when it was set. */
export const amountOf = (usd: string): Nanos => parseUsd(usd)!

/**
 * Writes the claim and gives the credit, in the caller's transaction. Throws `conflict`: `already_claimed` when this claim,
 * or another one with its device, card, mailbox or proof,
 * is there, `wallet_full` when the wallet cannot take it.
 */
export async function writeClaim(q: TxQuery, needs: NoticeNeeds, claim: Claim): Promise<void> {
  const { id, customer_id, rule, amount_nanos } = claim
  const now = needs.clock.now()
  const inserted = await q.run(
    INSERT,
    id,
    customer_id,
    rule,
    claim.slot,
    claim.device_hash,
    claim.card_fingerprint,
    claim.mailbox_hash,
    claim.proof,
    amount_nanos,
    now,
  )
  if (inserted === 0) throw alreadyClaimed("This reward was claimed before: it is given once.")
  const { from, kind } = REWARD_ACCOUNTS[rule]
  const result = await post(q, now, [
    {
      id,
      group_id: id,
      kind,
      from,
      to: customerAccount(customer_id, "token"),
      amount_nanos,
      ref: claim.ref,
      actor: `customer:${customer_id}`,
      event_at: now,
    },
  ])
  if (result.kind === "limit") {
    throw new AppError("conflict", "Your wallet holds as much as a wallet may hold: spend some first.", {
      code: "wallet_full",
    })
  }
  if (result.kind !== "posted") throw new AppError("internal", `${id} was not posted: ${result.kind}`)
  const amount = formatUsd(amount_nanos)
  await notify(q, needs, {
    customer_id,
    kind: "reward",
    key: `reward:${id}`,
    subject: `${TITLES[rule]}: $${amount}`,
    body: `Your reward of $${amount} is in your Token Wallet. It is promotional credit: it pays for usage and is not paid out.`,
  })
  q.afterCommit(() => needs.events.emit("reward-claimed", { customer_id, claim_id: id }))
}

/** A second claim; `extra` may say when the next one is possible. */
export const alreadyClaimed = (message: string, extra: Record<string, unknown> = {}): AppError =>
  new AppError("conflict", message, { code: "already_claimed", extra })

export interface ClaimNeeds extends AbuseNeeds, NoticeNeeds, TurnstileNeeds {
  store: Store
  config: Pick<Config, "mail" | "turnstile" | "public_url">
}

/** What every offer shows: whether the customer had it, and if not, what keeps them from it. */
export async function readOffer(needs: ClaimNeeds, claimant: Claimant, claimed_at: number | undefined) {
  const q = needs.store.read
  const hasClaimed = claimed_at !== undefined
  const reasons = hasClaimed ? [] : await listObstacles(q, needs, claimant)
  return {
    hasClaimed,
    claimedAt: toIsoOrNull(claimed_at ?? null),
    canClaim: !hasClaimed && reasons.length === 0,
    reasons,
    turnstileRequired: await needsTurnstile(q, needs),
  }
}

/** What of the claimant is written down, so that the next account of the same person is known. */
export const readMarks = async (q: Query, needs: ClaimNeeds, customer_id: string) => ({
  card_fingerprint: await findOwnCard(q, customer_id),
  mailbox_hash: await hashOwnMailbox(q, needs, customer_id),
})

/** Who claims, from where, with what the anti-abuse rules ask for. */
export interface ClaimInput {
  customer_id: string
  device_id: string | undefined
  turnstile_token: string | undefined
  /** Network address. */
  address: string
}

/** What differs between rewards. */
export interface ClaimSteps<Ready, Answer> {
  /** Throws when it cannot be claimed; called before Turnstile is asked, and again in the transaction. */
  readClaimable(q: Query): Promise<Ready>
  /** Writes the claim and gives what is answered. */
  write(q: TxQuery, ready: Ready): Promise<Answer>
  remember: Remember<Answer>
}

/**
 * Claims a reward: refused before Cloudflare is asked where that is possible, and looked at again in the transaction,
 * because only there nobody comes in between. Nothing is written unless everything is.
 */
export async function claimReward<Ready, Answer>(
  needs: ClaimNeeds,
  input: ClaimInput,
  steps: ClaimSteps<Ready, Answer>,
): Promise<Answer> {
  await steps.readClaimable(needs.store.read)
  await assertHumanClaim(needs.store.read, needs, { token: input.turnstile_token, address: input.address })
  return needs.store.tx(async q => {
    const answer = await steps.write(q, await steps.readClaimable(q))
    await steps.remember(q, answer)
    return answer
  })
}
