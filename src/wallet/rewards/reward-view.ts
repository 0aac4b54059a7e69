/** What offers of rewards have in common, as our API shows them and takes claims. */
import { t } from "elysia"
import { LONGEST_TURNSTILE_TOKEN } from "../../auth/turnstile.ts"
import { Time } from "../../platform/schema.ts"

/** Members that every offer of a reward has. */
export const OfferView = {
  hasClaimed: t.Boolean(),
  claimedAt: t.Nullable(Time),
  canClaim: t.Boolean(),
  reasons: t.Array(
    t.Object({
      code: t.String({
        description: "not_offered, account_too_new, email_not_verified, mailbox_used, card_used …",
      }),
      message: t.String({ description: "Why, and what to do about it" }),
    }),
    { description: "Why it cannot be claimed now; empty when it can, or was claimed" },
  ),
  turnstileRequired: t.Boolean({ description: "Whether a claim has to bring a Turnstile token" }),
}

/** Members that every claim may bring. */
export const ClaimProof = {
  deviceId: t.Optional(
    t.String({ minLength: 8, maxLength: 128, description: "The same for all accounts on one device" }),
  ),
  turnstileToken: t.Optional(t.String({ minLength: 1, maxLength: LONGEST_TURNSTILE_TOKEN })),
}
