/** A local server that answers like OpenAI's and Anthropic's cost reports: paged, keyed; and it can be slow or broken. */

export const OPENAI_ADMIN_KEY = "sk-admin-canary-0123456789"
export const ANTHROPIC_ADMIN_KEY = "sk-ant-admin-canary-0123456789"

/** What its next answers are, until told otherwise. */
export type Mood = "well" | "silent" | "status-500" | "no-json" | "no-report" | "redirect" | "endless"

/** Any result of a bucket, as it goes over the wire. */
export type Result = Record<string, unknown>

export interface CostServer extends AsyncDisposable {
  /** Of both vendors. */
  base_url: string
  /** Every request's path and query, in order. */
  asked: string[]
  /** What a UTC day cost; each call adds results. A day without any is left out of the report. */
  charge(vendor: "openai" | "anthropic", day: string, ...results: Result[]): void
  turn(mood: Mood): void
}

const DAY_MS = 86_400_000

/** Results as the vendors write them, by the amount in USD. */
export const openaiCost = (value: number | string, currency = "usd"): Result => ({
  object: "organization.costs.result",
  amount: { value, currency },
  line_item: null,
  project_id: null,
})
/** In cents, as decimal text. */
export const anthropicCost = (amount: string, currency = "USD"): Result => ({
  amount,
  currency,
  cost_type: null,
  description: null,
  workspace_id: null,
})

export function openCostServer(): CostServer {
  const asked: string[] = []
  const days = { openai: new Map<string, Result[]>(), anthropic: new Map<string, Result[]>() }
  let mood: Mood = "well"

  /** One result a page, so that every report has pages. */
  function answerPage(vendor: "openai" | "anthropic", span: [start: number, end: number], page: number) {
    const [start, end] = span
    const all = [...days[vendor]]
      .filter(([day]) => Date.parse(day) >= start && Date.parse(day) < end)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([day, results]) => results.map(result => ({ at: Date.parse(day), result })))
    const data = all.slice(page, page + 1).map(({ at, result }) => ({
      ...(vendor === "openai"
        ? { object: "bucket", start_time: at / 1000, end_time: (at + DAY_MS) / 1000 }
        : { starting_at: iso(at), ending_at: iso(at + DAY_MS) }),
      results: [result],
    }))
    const has_more = page + 1 < all.length || mood === "endless"
    return Response.json({ object: "page", data, has_more, next_page: has_more ? String(page + 1) : null })
  }

  function answerMood(): Response | Promise<Response> | undefined {
    if (mood === "silent") return new Promise<Response>(() => {})
    if (mood === "status-500") return Response.json({ error: "oops" }, { status: 500 })
    if (mood === "no-json") return new Response("<html>a proxy's own page</html>")
    if (mood === "no-report") return Response.json({ error: { message: "an error with status 200" } })
    if (mood === "redirect") return Response.redirect("http://127.0.0.1:1/elsewhere")
    return undefined
  }

  function answer(vendor: "openai" | "anthropic", request: Request): Response | Promise<Response> {
    const { pathname, search, searchParams: query } = new URL(request.url)
    asked.push(pathname + search)
    const bad = answerMood()
    if (bad) return bad
    const key = vendor === "openai" ? request.headers.get("authorization") : request.headers.get("x-api-key")
    const good = vendor === "openai" ? `Bearer ${OPENAI_ADMIN_KEY}` : ANTHROPIC_ADMIN_KEY
    if (key !== good) return Response.json({ error: { message: "no" } }, { status: 401 })
    if (vendor === "anthropic" && request.headers.get("anthropic-version") !== "2023-06-01")
      return Response.json({ error: { message: "anthropic-version is missing" } }, { status: 400 })
    const span: [number, number] =
      vendor === "openai"
        ? [Number(query.get("start_time")) * 1000, Number(query.get("end_time")) * 1000]
        : [Date.parse(query.get("starting_at") ?? ""), Date.parse(query.get("ending_at") ?? "")]
    return answerPage(vendor, span, Number(query.get("page") ?? 0))
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/v1/organization/costs": { GET: request => answer("openai", request) },
      "/v1/organizations/cost_report": { GET: request => answer("anthropic", request) },
    },
    fetch: () => new Response("nothing here", { status: 404 }),
  })
  return {
    base_url: `http://127.0.0.1:${server.port}/v1`,
    asked,
    charge(vendor, day, ...results) {
      days[vendor].set(day, [...(days[vendor].get(day) ?? []), ...results])
    },
    turn(next) {
      mood = next
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

const iso = (at: number): string => new Date(at).toISOString()
