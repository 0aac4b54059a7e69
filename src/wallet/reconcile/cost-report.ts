/** What OpenAI and Anthropic say a day cost: their organizations' cost reports. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Fetch } from "../../platform/fetch.ts"
import { addNanos, NANOS_PER_CENT, type Nanos, toNanos, ZERO } from "../ledger/nanos.ts"
import type { Day } from "./day.ts"

export interface CostReportNeeds {
  fetch: Fetch
  clock: Clock
}

export type Vendor = "openai" | "anthropic"

export interface AskedReport {
  vendor: Vendor
  /** With its version, as upstreams have it: `https://api.openai.com/v1`. */
  base_url: string
  /** An administrator's key; the one that asks models may not read costs. */
  key: string
  day: Day
}

/** A day's cost; what is in other currencies is only named. */
export interface DayCost {
  nanos: Nanos
  /** E.g. `12.5 eur`. */
  others: string[]
}

const TIMEOUT_MS = 30_000
/** A day is one or two buckets; a report that never ends is none. */
const MOST_PAGES = 50

/**
 * Reads a day's cost. A day that the report leaves out cost nothing. Anthropic's leaves out what its priority tier cost
 * (https://platform.claude.com/docs/en/manage-claude/usage-cost-api).
 * Throws `upstream` when the vendor refuses, does not answer in 30 seconds, or answers something else than a report.
 */
export async function readDayCost(needs: CostReportNeeds, asked: AskedReport): Promise<DayCost> {
  let page: string | undefined
  const cost: DayCost = { nanos: ZERO, others: [] }
  for (let count = 0; count < MOST_PAGES; count++) {
    const report = await ask(needs, asked, page)
    for (const bucket of report.data) addBucket(cost, asked, bucket)
    if (report.has_more !== true || typeof report.next_page !== "string") return cost
    page = report.next_page
  }
  throw failed(asked, `goes on for more than ${MOST_PAGES} pages`)
}

interface Report {
  data: unknown[]
  has_more?: unknown
  next_page?: unknown
}

const failed = ({ vendor }: AskedReport, what: string) =>
  new AppError("upstream", `The cost report of ${vendor} ${what}.`, { code: "cost_report_failed" })

async function ask(needs: CostReportNeeds, asked: AskedReport, page: string | undefined): Promise<Report> {
  const { path, headers, query } = VENDORS[asked.vendor](asked)
  const search = new URLSearchParams({ ...query, ...(page !== undefined && { page }) })
  const deadline = new AbortController()
  const cancel = needs.clock.after(TIMEOUT_MS, () => deadline.abort())
  try {
    // Followed by hand nowhere: the key goes to the configured address only.
    const answer = await needs.fetch(`${asked.base_url}${path}?${search}`, {
      headers: { ...headers, "user-agent": "codexapi" },
      signal: deadline.signal,
      redirect: "manual",
    })
    if (answer.status !== 200) {
      await answer.body?.cancel()
      throw failed(asked, `was refused with ${answer.status}${hintOf(answer.status)}`)
    }
    const body: unknown = await answer.json()
    if (isReport(body)) return body
    throw failed(asked, "is not in the documented form")
  } catch (error) {
    if (error instanceof AppError) throw error
    throw failed(asked, deadline.signal.aborted ? "took too long" : "could not be read")
  } finally {
    cancel()
  }
}

const hintOf = (status: number): string =>
  status === 401 || status === 403 ? ": its key must be an administrator's" : ""

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null

const isReport = (body: unknown): body is Report => isObject(body) && Array.isArray(body.data)

interface Wire {
  path: string
  headers: Record<string, string>
  query: Record<string, string>
}

const DAY_S = 86_400

/**
 * One more day is asked for than is wanted: whether a bucket that ends at the end is in the report, they say differently.
 * Sources: https://platform.openai.com/docs/api-reference/usage/costs,
 * https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-cost-report
 */
const VENDORS: Record<Vendor, (asked: AskedReport) => Wire> = {
  openai: ({ key, day }) => ({
    path: "/organization/costs",
    headers: { authorization: `Bearer ${key}` },
    query: {
      start_time: String(day.start_at / 1000),
      end_time: String(day.end_at / 1000 + DAY_S),
      bucket_width: "1d",
      limit: "2",
    },
  }),
  anthropic: ({ key, day }) => ({
    path: "/organizations/cost_report",
    headers: { "x-api-key": key, "anthropic-version": "2023-06-01" },
    query: {
      starting_at: new Date(day.start_at).toISOString(),
      ending_at: new Date(day.end_at + DAY_S * 1000).toISOString(),
      bucket_width: "1d",
      limit: "2",
    },
  }),
}

function addBucket(cost: DayCost, asked: AskedReport, bucket: unknown): void {
  if (!isObject(bucket) || !Array.isArray(bucket.results)) throw failed(asked, "has a bucket without results")
  const start_at =
    typeof bucket.start_time === "number" ? bucket.start_time * 1000 : Date.parse(String(bucket.starting_at))
  if (start_at !== asked.day.start_at) return
  for (const result of bucket.results) addResult(cost, asked, result)
}

/** OpenAI: an object with USD as `value`. Anthropic: a decimal text in cents, its currency beside it. */
function addResult(cost: DayCost, asked: AskedReport, result: unknown): void {
  const amount = isObject(result) ? result.amount : undefined
  const [value, currency] = isObject(amount)
    ? [amount.value, amount.currency]
    : [amount, isObject(result) ? result.currency : undefined]
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  if (typeof number !== "number" || !Number.isFinite(number))
    throw failed(asked, "has a result without an amount")
  if (String(currency).toLowerCase() !== "usd") {
    cost.others.push(`${number} ${String(currency).toLowerCase()}`)
    return
  }
  // A report is compared within a tolerance, so a rounded nano here or there is none.
  const per_unit = asked.vendor === "openai" ? 100 * NANOS_PER_CENT : NANOS_PER_CENT
  cost.nanos = addNanos(cost.nanos, toNanos(Math.round(number * per_unit)))
}
