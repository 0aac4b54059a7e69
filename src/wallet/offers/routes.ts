/** HTTP for bonus codes: what one would add, and the time-boxed discount by mail. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import { clientAddress, type GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped } from "../../auth/keys.ts"
import { LONGEST_TURNSTILE_TOKEN } from "../../auth/turnstile.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import type { AttemptNeeds } from "../../platform/rate-limit.ts"
import { problems, Time, toIso, toIsoOrNull, Usd } from "../../platform/schema.ts"
import { addNanos, centsToNanos, formatUsd } from "../ledger/nanos.ts"
import { type BonusCode, formatCode } from "./code-book.ts"
import { PackageView, toApiPackage } from "./offer-view.ts"
import { issueSessionCode, type SessionDiscount, type SessionDiscountNeeds } from "./session-discount.ts"
import { type Discount, previewDiscount } from "./topup-discount.ts"

const Terms = {
  code: t.String({ description: "As it is shown; case and dashes do not matter" }),
  percent: t.Integer({ minimum: 1, maximum: 100, description: "Of the package's credit" }),
  maxBonusUsd: t.Nullable(Usd, { description: "The most it adds; null is no limit" }),
  minPriceUsd: Usd,
}

const DiscountView = t.Object({
  ...Terms,
  expiresAt: t.Nullable(Time),
  usesLeft: t.Integer({ minimum: 1, description: "How often the customer may still use it" }),
  package: t.Nullable(
    t.Object({
      ...PackageView.properties,
      bonusUsd: t.String({ ...Usd, description: "What the code adds" }),
      totalUsd: t.String({ ...Usd, description: "creditUsd and bonusUsd together" }),
    }),
    { description: "What a purchase of this package would give now; null without a packageId" },
  ),
})

const SessionDiscountView = t.Object({
  ...Terms,
  expiresAt: Time,
  isNew: t.Boolean({ description: "False when the code of before is still good" }),
  isMailed: t.Boolean({
    description: "Whether it is mailed as well: to a proven address, where the server sends mail",
  }),
})

export const offerRoutes = (needs: GuardNeeds & AttemptNeeds & SessionDiscountNeeds) =>
  new Elysia({ prefix: "/api/v1/wallet" })
    .use(bearer(needs))
    .post(
      "/topup-discount",
      async ({ caller, body, request, server }) => {
        const address = clientAddress(request, server?.requestIP(request)?.address)
        const { customer_id } = caller
        const asked = { customer_id, address, code: body.code, package_id: body.packageId }
        return toApiDiscount(await previewDiscount(needs, asked))
      },
      {
        parse: readJsonBody,
        body: t.Object({
          code: t.String({ minLength: 1, maxLength: 64 }),
          packageId: t.Optional(
            t.String({
              minLength: 1,
              maxLength: 64,
              description: "One of offers.packages of GET /api/v1/me",
            }),
          ),
        }),
        response: { 200: DiscountView, ...problems(400, 401, 413, 415, 422, 429) },
        detail: {
          tags: ["billing"],
          summary: "Validate a user-scoped top-up bonus code",
          description: "Nothing is taken: a code is used by the purchase that is opened with it.",
        },
      },
    )
    .post(
      "/topupemail-session-discount",
      async ({ caller, body, request, server }) => {
        const address = clientAddress(request, server?.requestIP(request)?.address)
        assertUnscoped(caller, "ask for a discount")
        const asked = { customer_id: caller.customer_id, address, turnstile_token: body.turnstileToken }
        return toApiSessionDiscount(await issueSessionCode(needs, asked))
      },
      {
        parse: readJsonBody,
        body: t.Object({
          turnstileToken: t.Optional(t.String({ minLength: 1, maxLength: LONGEST_TURNSTILE_TOKEN })),
        }),
        response: { 200: SessionDiscountView, ...problems(400, 401, 403, 409, 413, 415, 422, 503) },
        detail: {
          tags: ["billing"],
          summary: "Issue a time-boxed top-up email discount",
          description: "A repeat while the code is valid and unused gives the same one.",
        },
      },
    )

const toApiTerms = (code: BonusCode) => ({
  code: formatCode(code.code),
  percent: code.percent,
  maxBonusUsd: code.max_bonus_nanos === null ? null : formatUsd(code.max_bonus_nanos),
  minPriceUsd: formatUsd(centsToNanos(code.min_price_cents)),
})

const toApiDiscount = ({ code, left_count, preview }: Discount) => ({
  ...toApiTerms(code),
  expiresAt: toIsoOrNull(code.expires_at),
  usesLeft: left_count,
  package: preview ? toApiPreview(preview) : null,
})

const toApiPreview = ({ offer, bonus }: NonNullable<Discount["preview"]>) => ({
  ...toApiPackage(offer),
  bonusUsd: formatUsd(bonus.bonus_nanos),
  totalUsd: formatUsd(addNanos(offer.credit_nanos, bonus.bonus_nanos)),
})

const toApiSessionDiscount = ({ code, is_new, is_mailed }: SessionDiscount) => ({
  ...toApiTerms(code),
  expiresAt: toIso(code.expires_at!),
  isNew: is_new,
  isMailed: is_mailed,
})
