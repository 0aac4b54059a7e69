/** HTTP for rewards: the Daily Check-in, the share credit and the referral club. */
import { Elysia, type Static, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import { clientAddress, type GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped } from "../../auth/keys.ts"
import { answerOnce, type IdempotencyNeeds } from "../../platform/idempotency.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import { PageQuery, problems } from "../../platform/schema.ts"
import { CheckInClaim, CheckInStatus, claimCheckIn, getCheckIn } from "./check-in.ts"
import type { ClaimNeeds } from "./claim.ts"
import { getReferralStatus, type ReferralNeeds, ReferralStatus } from "./referral-status.ts"
import { ClaimProof } from "./reward-view.ts"
import { claimShare, getShareOffer, ShareClaim, ShareOffer } from "./share-credit.ts"

type CheckInAnswer = Static<typeof CheckInClaim>
type ShareAnswer = Static<typeof ShareClaim>

const CLAIM_PROBLEMS = problems(400, 401, 403, 409, 413, 415, 422, 503)
const ONCE = "With an `Idempotency-Key` a repeat gets the first answer again."

export const rewardRoutes = (needs: GuardNeeds & ClaimNeeds & ReferralNeeds & IdempotencyNeeds) =>
  new Elysia({ prefix: "/api/v1" })
    .use(bearer(needs))
    .get("/daily-checkin", ({ caller }) => getCheckIn(needs, caller.customer_id), {
      response: { 200: CheckInStatus, ...problems(401) },
      detail: {
        tags: ["billing"],
        summary: "Read the current wallet's Daily Check-in reward status",
      },
    })
    .post(
      "/daily-checkin/claim",
      async ({ caller, body, request, server }) => {
        assertUnscoped(caller, "claim rewards")
        const { customer_id } = caller
        const claim = { customer_id, ...toClaimInput(body, request, server?.requestIP(request)?.address) }
        return answerOnce<CheckInAnswer>(needs, { customer_id, request, body }, remember =>
          claimCheckIn(needs, claim, remember),
        )
      },
      {
        parse: readJsonBody,
        body: t.Object(ClaimProof),
        response: { 200: CheckInClaim, ...CLAIM_PROBLEMS },
        detail: {
          tags: ["billing"],
          summary: "Claim today's Daily Check-in wallet reward",
          description: `Once in a UTC day. ${ONCE}`,
        },
      },
    )
    .get(
      "/share-credit",
      ({ caller, request }) => {
        const { origin } = new URL(request.url)
        return getShareOffer(needs, { customer_id: caller.customer_id, origin })
      },
      {
        response: { 200: ShareOffer, ...problems(401) },
        detail: {
          tags: ["billing"],
          summary: "Read the one-time CodexAPI.pro share-credit offer for the current wallet",
        },
      },
    )
    .post(
      "/share-credit/claim",
      async ({ caller, body, request, server }) => {
        assertUnscoped(caller, "claim rewards")
        const { customer_id } = caller
        const claim = { customer_id, ...toClaimInput(body, request, server?.requestIP(request)?.address) }
        return answerOnce<ShareAnswer>(needs, { customer_id, request, body }, remember =>
          claimShare(needs, { ...claim, post_url: body.postUrl }, remember),
        )
      },
      {
        parse: readJsonBody,
        body: t.Object({
          postUrl: t.String({ minLength: 1, maxLength: 2048, description: "Address of your post" }),
          ...ClaimProof,
        }),
        response: { 200: ShareClaim, ...CLAIM_PROBLEMS },
        detail: {
          tags: ["billing"],
          summary: "Claim the one-time CodexAPI.pro share credit after sharing the public site",
          description: `Once for a customer and once for a post. ${ONCE}`,
        },
      },
    )
    .get(
      "/referral",
      ({ caller, query, request }) => {
        const { origin } = new URL(request.url)
        const { limit, cursor } = query
        return getReferralStatus(needs, { customer_id: caller.customer_id, origin, limit, cursor })
      },
      {
        query: t.Object(PageQuery),
        response: { 200: ReferralStatus, ...problems(401, 422) },
        detail: {
          tags: ["billing"],
          summary: "Read the current CodexAPI.pro VIP Referral Club and Cash Wallet status",
          description: "`limit` and `cursor` page through the commissions, newest first.",
        },
      },
    )

const toClaimInput = (
  body: { deviceId?: string | undefined; turnstileToken?: string | undefined },
  request: Request,
  peer: string | undefined,
) => ({
  device_id: body.deviceId,
  turnstile_token: body.turnstileToken,
  address: clientAddress(request, peer),
})
