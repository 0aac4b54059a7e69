/** HTTP for automatic top-ups. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped } from "../../auth/keys.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import type { AttemptNeeds } from "../../platform/rate-limit.ts"
import { problems, Usd } from "../../platform/schema.ts"
import type { Query } from "../../platform/store.ts"
import { centsToNanos, formatUsd } from "../ledger/nanos.ts"
import { openCardSetup } from "../stripe/checkout.ts"
import type { FulfilNeeds } from "../stripe/fulfil.ts"
import { ReturnUrl, toReturnUrls } from "../stripe/return-urls.ts"
import { chargedInMonth } from "./jobs.ts"
import { findCard } from "./saved-card.ts"
import { type AutoTopup, setAutoTopup } from "./settings.ts"

export interface AutoTopupRouteNeeds extends GuardNeeds, FulfilNeeds, AttemptNeeds {
  config: FulfilNeeds["config"] & { public_url: string | undefined }
}

const AutoTopupView = t.Object({
  enabled: t.Boolean(),
  thresholdUsd: Usd,
  packageId: t.String(),
  monthlyCapUsd: Usd,
  chargedThisMonthUsd: Usd,
  suspendedFor: t.Nullable(
    t.String({
      description: "card, authentication or dispute: why nothing is charged although it is enabled",
    }),
  ),
  card: t.Nullable(t.Object({ brand: t.String(), last4: t.String() })),
  setupUrl: t.Nullable(t.String({ description: "Where to save a card; null when there is one" })),
})

const AutoTopupChange = t.Object({
  enabled: t.Optional(t.Boolean()),
  thresholdUsd: t.Optional(t.String({ maxLength: 32, description: "Below this much available credit" })),
  packageId: t.Optional(t.String({ minLength: 1, maxLength: 64 })),
  monthlyCapUsd: t.Optional(t.String({ maxLength: 32, description: "The most in a calendar month (UTC)" })),
  newCard: t.Optional(t.Boolean({ description: "Give a setupUrl although a card is saved" })),
  ...ReturnUrl,
})

export const autoTopupRoutes = (needs: AutoTopupRouteNeeds) =>
  new Elysia({ prefix: "/api/v1/wallet" }).use(bearer(needs)).post(
    "/auto-topup",
    async ({ caller, body, request }) => {
      assertUnscoped(caller, "change automatic top-ups")
      const { customer_id } = caller
      const urls = toReturnUrls(needs, request, body)
      const change = {
        is_enabled: body.enabled,
        threshold_usd: body.thresholdUsd,
        package_id: body.packageId,
        monthly_cap_usd: body.monthlyCapUsd,
      }
      const settings = await needs.store.tx(q => setAutoTopup(q, needs, { customer_id, change }))
      const card = await findCard(needs.store.read, customer_id)
      const wants_card = body.newCard === true || (settings.is_enabled === 1 && !card)
      const setup_url = wants_card ? await openCardSetup(needs, { customer_id, urls }) : null
      return { ...(await toApiAutoTopup(needs.store.read, needs.clock.now(), settings)), setupUrl: setup_url }
    },
    {
      parse: readJsonBody,
      body: AutoTopupChange,
      response: { 200: AutoTopupView, ...problems(400, 401, 403, 409, 413, 415, 422, 429, 502, 503) },
      detail: {
        tags: ["billing"],
        summary: "Configure automatic wallet top-up for the current user",
        description: "Fields that are left out stay as they are: an empty object reads the settings.",
      },
    },
  )

async function toApiAutoTopup(q: Query, now: number, settings: AutoTopup) {
  const { customer_id } = settings
  const card = await findCard(q, customer_id)
  return {
    enabled: settings.is_enabled === 1,
    thresholdUsd: formatUsd(settings.threshold_nanos),
    packageId: settings.package_id,
    monthlyCapUsd: formatUsd(centsToNanos(settings.monthly_cap_cents)),
    chargedThisMonthUsd: formatUsd(centsToNanos(await chargedInMonth(q, customer_id, now))),
    suspendedFor: settings.suspended_for,
    card: card ? { brand: card.brand, last4: card.last4 } : null,
  }
}
