/** The share credit: once for a customer, for a public post about us; the post is named, not fetched. */
import { type Static, t } from "elysia"
import { AppError } from "../../platform/errors.ts"
import type { Remember } from "../../platform/idempotency.ts"
import { Usd } from "../../platform/schema.ts"
import type { Query } from "../../platform/store.ts"
import { getBalances } from "../ledger/accounts.ts"
import { formatUsd } from "../ledger/nanos.ts"
import { getRule } from "../offers/rules.ts"
import { toApiWallet, Wallet } from "../status.ts"
import { assertMayClaim, hashDevice } from "./anti-abuse.ts"
import {
  alreadyClaimed,
  amountOf,
  type ClaimInput,
  type ClaimNeeds,
  claimReward,
  findClaimedAt,
  readMarks,
  readOffer,
  writeClaim,
} from "./claim.ts"
import { readPostAddress } from "./post-address.ts"
import { OfferView } from "./reward-view.ts"

export const ShareOffer = t.Object({
  amountUsd: Usd,
  text: t.String({ description: "What to post, with the link" }),
  link: t.String(),
  hosts: t.Array(t.String(), { description: "Sites on which a post counts" }),
  ...OfferView,
})

export const ShareClaim = t.Object({
  amountUsd: Usd,
  post: t.String({ description: "The post as it was understood" }),
  wallet: Wallet,
})

const claimIdOf = (customer_id: string) => `share:${customer_id}`

const claimantOf = (customer_id: string, device_hash: string | null) => ({
  customer_id,
  rule: "share" as const,
  slot: "",
  device_hash,
})

/** What GET /api/v1/share-credit answers; `origin` is linked to while no public address is configured. */
export async function getShareOffer(
  needs: ClaimNeeds,
  { customer_id, origin }: { customer_id: string; origin: string },
): Promise<Static<typeof ShareOffer>> {
  const q = needs.store.read
  const rule = await getRule(q, "share")
  const claimed_at = await findClaimedAt(q, claimIdOf(customer_id))
  const link = needs.config.public_url ?? origin
  return {
    amountUsd: formatUsd(amountOf(rule.amount_usd)),
    text: `${rule.text} ${link}`.trim(),
    link,
    hosts: rule.hosts,
    ...(await readOffer(needs, claimantOf(customer_id, null), claimed_at)),
  }
}

/**
 * Claims the share credit with the address of a post. Throws `conflict`: `already_claimed` when the customer had it,
 * `post_already_claimed` when another one had it for this post; `forbidden` with the reasons; `unprocessable` for an
 * address that does not count; and what Turnstile refuses. Then nothing is written.
 */
export function claimShare(
  needs: ClaimNeeds,
  input: ClaimInput & { post_url: string },
  remember: Remember<Static<typeof ShareClaim>>,
): Promise<Static<typeof ShareClaim>> {
  const { customer_id } = input
  const id = claimIdOf(customer_id)
  const device_hash = hashDevice(needs, input.device_id)
  return claimReward(needs, input, {
    async readClaimable(q) {
      if ((await findClaimedAt(q, id)) !== undefined)
        throw alreadyClaimed("You had the share credit: it is given once to a customer.")
      await assertMayClaim(q, needs, claimantOf(customer_id, device_hash))
      const { amount_usd, hosts } = await getRule(q, "share")
      const post = readPostAddress(input.post_url, hosts)
      await assertNewPost(q, post)
      return { post, amount_nanos: amountOf(amount_usd) }
    },
    async write(q, { post, amount_nanos }) {
      await writeClaim(q, needs, {
        ...claimantOf(customer_id, device_hash),
        id,
        ...(await readMarks(q, needs, customer_id)),
        proof: post,
        amount_nanos,
        ref: post,
      })
      const wallet = toApiWallet(await getBalances(q, customer_id))
      return { amountUsd: formatUsd(amount_nanos), post, wallet }
    },
    remember,
  })
}

async function assertNewPost(q: Query, post: string): Promise<void> {
  const used = await q.get("SELECT 1 AS found FROM reward_claim WHERE rule = 'share' AND proof = ?", post)
  if (!used) return
  const message = "This post was claimed by another account: each post counts once. Write one of your own."
  throw new AppError("conflict", message, { code: "post_already_claimed", field: "postUrl" })
}
