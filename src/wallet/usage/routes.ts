/** HTTP for usage: receipts and daily spend, as JSON or CSV. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import type { Clock } from "../../platform/clock.ts"
import { nextCursorOf, PageQuery, problems, Time, Usd } from "../../platform/schema.ts"
import type { Store } from "../../platform/store.ts"
import { toCsv } from "./csv.ts"
import { listDailySpend, listReceipts, toApiDay, toApiReceipt, toCsvReceipt } from "./receipts.ts"

const Count = t.Integer({ minimum: 0 })

const AttemptView = t.Object({
  upstreamId: t.String(),
  result: t.String({
    description: "answered, or what went wrong: status-500, timeout, saturated, unsuited …",
  }),
  durationMs: Count,
  costUsd: Usd,
})

const ReceiptView = t.Object({
  requestId: t.String(),
  state: t.String({ description: "settled, or released when nothing was consumed" }),
  startedAt: Time,
  endedAt: Time,
  endpoint: t.String(),
  isStreamed: t.Boolean(),
  keyId: t.String(),
  keyName: t.String(),
  modelAsked: t.String(),
  modelServed: t.String(),
  upstream: t.Nullable(t.String()),
  tierAsked: t.String(),
  tierServed: t.String(),
  rateCardId: t.String(),
  rateCardVersion: t.Integer(),
  inputTokens: Count,
  cacheReadTokens: Count,
  cacheWrite5mTokens: Count,
  cacheWrite1hTokens: Count,
  cacheHitRate: t.Nullable(
    t.Number({ minimum: 0, maximum: 1, description: "Share of the input that came from the cache" }),
  ),
  outputTokens: Count,
  reasoningTokens: Count,
  webSearchCount: Count,
  usageSource: t.String({
    description: "reported by the upstream, estimated from the delivered text, or none",
  }),
  usageFlag: t.Nullable(t.String({ description: "Why the report was doubted" })),
  heldUsd: Usd,
  costUsd: Usd,
  chargedUsd: Usd,
  lossUsd: Usd,
  endReason: t.String(),
  attemptCount: Count,
  attempts: t.Array(AttemptView, {
    description: "Every try in order; a failed one is not charged, its cost is what it reported",
  }),
  notes: t.Array(t.String(), {
    description: "What was left out of the request because the upstream has no such thing",
  }),
  firstOutputMs: t.Nullable(Count),
  durationMs: Count,
})

const DayView = t.Object({
  day: t.String({ format: "date" }),
  requestCount: Count,
  inputTokens: Count,
  outputTokens: Count,
  chargedUsd: Usd,
})

const UsagePage = t.Object({
  data: t.Array(ReceiptView),
  nextCursor: t.Nullable(t.String()),
  daily: t.Array(DayView),
})

const DAYS = t.Integer({
  title: "days",
  minimum: 1,
  maximum: 366,
  default: 30,
  description: "Days of daily spend, today included",
})
const DAY_MS = 86_400_000

export const usageRoutes = (needs: GuardNeeds & { store: Store; clock: Clock }) =>
  new Elysia({ prefix: "/api/v1/billing" }).use(bearer(needs)).get(
    "/token-usage",
    async ({ caller, query, request, set }) => {
      const { limit, cursor, days } = query
      const { customer_id } = caller
      const receipts = await listReceipts(needs.store.read, { customer_id, limit, before: cursor })
      const data = receipts.map(toApiReceipt)
      const nextCursor = nextCursorOf(receipts, limit)
      if (request.headers.get("accept")?.includes("text/csv")) {
        set.headers["content-type"] = "text/csv; charset=utf-8"
        set.headers["content-disposition"] = 'attachment; filename="token-usage.csv"'
        if (nextCursor !== null) set.headers["x-next-cursor"] = nextCursor
        return toCsv(data.map(toCsvReceipt), Object.keys(ReceiptView.properties))
      }
      const today = Math.floor(needs.clock.now() / DAY_MS) * DAY_MS
      const daily = await listDailySpend(needs.store.read, {
        customer_id,
        since: today - (days - 1) * DAY_MS,
      })
      return { data, nextCursor, daily: daily.map(toApiDay) }
    },
    {
      query: t.Object({ ...PageQuery, days: DAYS }),
      response: {
        200: t.Union([UsagePage, t.String({ description: "CSV" })]),
        ...problems(401, 422),
      },
      detail: {
        tags: ["billing"],
        summary: "Read token usage transactions and daily spend for the current wallet",
        description:
          "Newest first. With `Accept: text/csv` the same page as CSV; the next cursor is in `x-next-cursor`.",
      },
    },
  )
