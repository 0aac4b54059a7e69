/** HTTP for usage: receipts and daily spend, monthly statements; as JSON, CSV or a page to print. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import { type Clock, DAY_MS } from "../../platform/clock.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import { nextCursorOf, PageQuery, problems, Time, Usd } from "../../platform/schema.ts"
import type { Store } from "../../platform/store.ts"
import { type Form, readForm } from "../statements/accepted-form.ts"
import { readMonth } from "../statements/month.ts"
import { writeMonthReceipts } from "../statements/month-receipts.ts"
import { getStatement } from "../statements/statement.ts"
import { writeStatementCsv } from "../statements/statement-csv.ts"
import { writeStatementHtml } from "../statements/statement-html.ts"
import { StatementView, toApiStatement } from "../statements/statement-view.ts"
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

const RECEIPT_COLUMNS = Object.keys(ReceiptView.properties)

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

type UsageNeeds = GuardNeeds & { store: Store; clock: Clock; config: Pick<Config, "brand_name"> }

export const usageRoutes = (needs: UsageNeeds) =>
  new Elysia({ prefix: "/api/v1/billing" }).use(bearer(needs)).get(
    "/token-usage",
    ({ caller, query, request }) =>
      answerUsage(needs, {
        ...query,
        customer_id: caller.customer_id,
        form: readForm(request.headers.get("accept")),
      }),
    {
      query: t.Object({
        ...PageQuery,
        days: DAYS,
        statement: t.Optional(
          t.String({ description: "The statement of this month instead", examples: ["2026-01"] }),
        ),
        month: t.Optional(
          t.String({
            description: "Every receipt that ended in this month instead, as CSV",
            examples: ["2026-01"],
          }),
        ),
      }),
      response: {
        200: t.Union([UsagePage, StatementView, t.String({ description: "CSV or HTML" })]),
        ...problems(401, 422),
      },
      detail: {
        tags: ["billing"],
        summary: "Read token usage transactions and daily spend for the current wallet",
        description:
          "Newest first. With `Accept: text/csv` the same page as CSV; the next cursor is in `x-next-cursor`. " +
          "`?statement=2026-01` gives the statement of a month (UTC) as JSON, as CSV with `Accept: text/csv`, or as a " +
          "page to print with `Accept: text/html`; `?month=2026-01` every receipt of a month, as CSV only.",
      },
    },
  )

interface Asked {
  customer_id: string
  limit: number
  cursor?: string | undefined
  days: number
  statement?: string | undefined
  month?: string | undefined
  form: Form
}

/** The endpoint list is fixed, so this one address has three lists. */
function answerUsage(needs: UsageNeeds, asked: Asked) {
  const { statement, month, form } = asked
  if (statement !== undefined && month !== undefined) {
    throw new AppError("unprocessable", "Give `statement` or `month`, not both.", {
      code: "conflicting_fields",
      field: "month",
    })
  }
  if (month !== undefined) return writeMonth(needs, { ...asked, month })
  if (statement !== undefined)
    return form === "json"
      ? readStatement(needs, { ...asked, statement })
      : writeStatement(needs, { ...asked, statement })
  return form === "csv" ? writePage(needs, asked) : readPage(needs, asked)
}

async function readPage(needs: UsageNeeds, asked: Asked) {
  const { customer_id, days } = asked
  const today = Math.floor(needs.clock.now() / DAY_MS) * DAY_MS
  const daily = await listDailySpend(needs.store.read, { customer_id, since: today - (days - 1) * DAY_MS })
  return { ...(await readReceipts(needs, asked)), daily: daily.map(toApiDay) }
}

async function writePage(needs: UsageNeeds, asked: Asked): Promise<Response> {
  const { data, nextCursor } = await readReceipts(needs, asked)
  const more = nextCursor === null ? {} : { "x-next-cursor": nextCursor }
  return csvAnswer(toCsv(data.map(toCsvReceipt), RECEIPT_COLUMNS), "token-usage.csv", more)
}

async function readReceipts(needs: UsageNeeds, { customer_id, limit, cursor }: Asked) {
  const receipts = await listReceipts(needs.store.read, { customer_id, limit, before: cursor })
  return { data: receipts.map(toApiReceipt), nextCursor: nextCursorOf(receipts, limit) }
}

async function readStatement(needs: UsageNeeds, asked: Asked & { statement: string }) {
  const month = readMonth(asked.statement, { field: "statement", now: needs.clock.now() })
  return toApiStatement(await getStatement(needs, { customer_id: asked.customer_id, month }))
}

async function writeStatement(needs: UsageNeeds, asked: Asked & { statement: string }): Promise<Response> {
  const statement = await readStatement(needs, asked)
  if (asked.form === "csv") return csvAnswer(writeStatementCsv(statement), `statement-${statement.month}.csv`)
  return new Response(writeStatementHtml(statement, needs.config.brand_name), { headers: HTML_HEADERS })
}

/** Nothing on the page may run or be loaded, whatever a name in it says. */
const HTML_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
}

function writeMonth(needs: UsageNeeds, asked: Asked & { month: string }): Response {
  const { customer_id, form } = asked
  if (form !== "csv") {
    throw new AppError("unprocessable", "The receipts of a month are CSV only: send `Accept: text/csv`.", {
      code: "csv_only",
      field: "month",
    })
  }
  const month = readMonth(asked.month, { field: "month", now: needs.clock.now() })
  const pieces = writeMonthReceipts(needs.store.read, { customer_id, month, columns: RECEIPT_COLUMNS })
  return csvAnswer(streamText(pieces), `token-usage-${month.name}.csv`)
}

const csvAnswer = (body: string | ReadableStream, name: string, headers: Record<string, string> = {}) =>
  new Response(body, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${name}"`,
      ...headers,
    },
  })

/** Read as fast as the client takes it; a client that leaves ends it. */
function streamText(pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel: async () => void (await pieces.return(undefined)),
  })
}
