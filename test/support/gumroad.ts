/** A local server that answers like Gumroad's licence check (api/v2/licenses_controller of its open source). */

/** What its next answers are, until told otherwise. */
export type GumroadMood = "well" | "silent" | "status-500" | "status-429" | "no-json" | "no-verdict"

/** A member of a sale, as Gumroad's answer has it. */
export type SaleMembers = Record<string, unknown>

export interface Gumroad extends AsyncDisposable {
  base_url: string
  /** What it was asked, in order. */
  asked: Record<string, string>[]
  /** Sells a licence of the product and gives its key; `members` go over those of a sale that stands. */
  sell(members?: SaleMembers): string
  /** Changes members of a sale, e.g. because it was refunded. */
  change(key: string, members: SaleMembers): void
  /** Its licence is no good any more, as the seller's dashboard does it. */
  disable(key: string): void
  turn(mood: GumroadMood): void
}

export const PRODUCT_ID = "E7oYHqtGSVBBWcpbCFyF-A=="

export function openGumroad(): Gumroad {
  const asked: Gumroad["asked"] = []
  const sales = new Map<string, SaleMembers>()
  const disabled = new Set<string>()
  let mood: GumroadMood = "well"

  const refuse = (message: string) => Response.json({ success: false, message }, { status: 404 })

  function judge(form: Record<string, string>): Response {
    const purchase = sales.get(form.license_key ?? "")
    if (!purchase || form.product_id !== PRODUCT_ID)
      return refuse("That license does not exist for the provided product.")
    if (disabled.has(form.license_key!)) return refuse("This license key has been disabled.")
    return Response.json({ success: true, uses: 0, purchase })
  }

  async function answer(request: Request): Promise<Response> {
    const form = Object.fromEntries(new URLSearchParams(await request.text()))
    asked.push(form)
    switch (mood) {
      case "silent":
        return new Promise<Response>(() => {})
      case "status-500":
        return Response.json({ success: false, message: "Something broke." }, { status: 500 })
      case "status-429":
        return new Response("Retry later\n", { status: 429 })
      case "no-json":
        return new Response("<html>a proxy's own page</html>")
      case "no-verdict":
        return Response.json({ uses: 0 })
      case "well":
        return judge(form)
    }
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: { "/v2/licenses/verify": { POST: answer } },
    fetch: () => new Response("nothing here", { status: 404 }),
  })
  return {
    base_url: `http://127.0.0.1:${server.port}`,
    asked,
    sell(members = {}) {
      const number = sales.size + 1
      const key = `85DB562A-C11D4B06-A2335A6B-${String(number).padStart(8, "0")}`
      sales.set(key, {
        ...STANDING,
        sale_id: `FO8TXN-dbxYaBdahG97Y-${number}==`,
        license_key: key,
        ...members,
      })
      return key
    },
    change: (key, members) => void sales.set(key, { ...sales.get(key), ...members }),
    disable: key => void disabled.add(key),
    turn(next) {
      mood = next
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

const STANDING: SaleMembers = {
  seller_id: "kL0psVL2admJSYRNs-OCMg==",
  product_id: PRODUCT_ID,
  product_name: "CodexAPI.pro credit",
  email: "buyer@example.com",
  price: 20_000,
  currency: "usd",
  quantity: 1,
  order_number: 524459935,
  refunded: false,
  disputed: false,
  dispute_won: false,
  chargebacked: false,
}
