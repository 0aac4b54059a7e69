/** A local server that answers like Turnstile's siteverify: tokens are good once; and it can be slow or broken. */

/** What its next answers are, until told otherwise. */
export type Mood = "well" | "silent" | "status-500" | "no-json" | "internal-error"

export interface Siteverify extends AsyncDisposable {
  base_url: string
  /** What it was asked, in order. */
  asked: { secret?: string; response?: string; remoteip?: string }[]
  /** A token that is good once. */
  issue(): string
  turn(mood: Mood): void
}

export const SITEVERIFY_SECRET = "0x4AAAAAAAcanary-turnstile"

export function openSiteverify(): Siteverify {
  const asked: Siteverify["asked"] = []
  const good = new Set<string>()
  const spent = new Set<string>()
  let mood: Mood = "well"
  let issued_count = 0

  function judge(response: string | undefined): string[] {
    if (!response) return ["missing-input-response"]
    if (spent.has(response)) return ["timeout-or-duplicate"]
    if (!good.has(response)) return ["invalid-input-response"]
    spent.add(response)
    return []
  }

  async function answer(request: Request): Promise<Response> {
    const body = (await request.json()) as Siteverify["asked"][number]
    asked.push(body)
    if (mood === "silent") return new Promise<Response>(() => {})
    if (mood === "status-500") return Response.json({ success: true }, { status: 500 })
    if (mood === "no-json") return new Response("<html>a proxy's own page</html>")
    const error_codes = body.secret === SITEVERIFY_SECRET ? judge(body.response) : ["invalid-input-secret"]
    if (mood === "internal-error") error_codes.push("internal-error")
    const success = error_codes.length === 0
    return Response.json({ success, "error-codes": error_codes, ...(success && { hostname: "localhost" }) })
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: { "/turnstile/v0/siteverify": { POST: answer } },
    fetch: () => new Response("nothing here", { status: 404 }),
  })
  return {
    base_url: `http://127.0.0.1:${server.port}`,
    asked,
    issue() {
      const token = `0.token-${++issued_count}`
      good.add(token)
      return token
    },
    turn(next) {
      mood = next
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
