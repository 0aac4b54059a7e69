/** Gumroad's licence check: whether a licence key belongs to a sale of our product, and whether that sale stands. */
import type { Clock } from "../../platform/clock.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import type { Fetch } from "../../platform/fetch.ts"

export interface LicenceNeeds {
  config: Pick<Config, "gumroad_base_url">
  fetch: Fetch
  clock: Clock
}

export interface Licence {
  product_id: string
  key: string
}

const TIMEOUT_MS = 10_000
/** Base64. It becomes a part of a transfer's id, between colons. */
const SALE_ID_SHAPE = /^[\w+/=-]{1,128}$/

/**
 * The sale that a licence was made for. Throws `unprocessable` naming `licenseKey` for a key that Gumroad does not know
 * for this product or that has no sale, `forbidden` when the sale was refunded, is disputed or was a test, and
 * `unavailable` when Gumroad gives no answer within ten seconds or one that cannot be read.
 */
export async function findSale(needs: LicenceNeeds, licence: Licence): Promise<{ sale_id: string }> {
  const verdict = await ask(needs, licence)
  const purchase = verdict.success === true ? verdict.purchase : undefined
  // Gumroad looks among the licences of the product that it is asked for; this holds whatever it looks among.
  if (!isRecord(purchase) || purchase.product_id !== licence.product_id) throw unknownLicence()
  assertStanding(purchase)
  const { sale_id } = purchase
  if (typeof sale_id !== "string" || !SALE_ID_SHAPE.test(sale_id)) throw unavailable()
  return { sale_id }
}

type Members = Record<string, unknown>

/** Throws `unavailable` for anything but a verdict. */
async function ask(needs: LicenceNeeds, { product_id, key }: Licence): Promise<Members> {
  const deadline = new AbortController()
  const cancel = needs.clock.after(TIMEOUT_MS, () => deadline.abort())
  try {
    const answer = await needs.fetch(`${needs.config.gumroad_base_url}/v2/licenses/verify`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "user-agent": "codexapi" },
      // Gumroad counts each check as a use of the licence unless it is told not to.
      body: new URLSearchParams({ product_id, license_key: key, increment_uses_count: "false" }).toString(),
      signal: deadline.signal,
      redirect: "manual",
    })
    return readVerdict(answer.status, await answer.json())
  } catch {
    // Not reached, too slow, or no verdict: which of them matters to nobody who asks us.
    throw unavailable()
  } finally {
    cancel()
  }
}

/** Licences that are good answer 200; unknown, disabled and expired ones 404, with `success: false`. */
function readVerdict(status: number, body: unknown): Members {
  const is_verdict = isRecord(body) && (body.success === true ? status === 200 : status === 404)
  if (!is_verdict || typeof body.success !== "boolean") throw new Error("not a verdict")
  return body
}

/** Gumroad's own names of what undoes a sale; a dispute that the seller won leaves it standing. */
function assertStanding(purchase: Members): void {
  if (isSet(purchase.refunded)) throw fallen("licence_refunded", "This licence's sale was refunded")
  const is_disputed = isSet(purchase.disputed) && !isSet(purchase.dispute_won)
  if (is_disputed || isSet(purchase.chargebacked))
    throw fallen("licence_disputed", "This licence's sale is disputed with the bank")
  if (isSet(purchase.test))
    throw fallen("licence_of_test", "This licence is of a test sale, nobody paid for it")
}

/** Gumroad's webhooks say such things in words, its licence check in booleans. */
const isSet = (value: unknown): boolean => value === true || value === "true"

const isRecord = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const unknownLicence = () =>
  new AppError(
    "unprocessable",
    "Gumroad knows no such licence of this product: copy the key from your Gumroad receipt, with its dashes.",
    { code: "licence_unknown", field: "licenseKey" },
  )

const fallen = (code: string, why: string) =>
  new AppError("forbidden", `${why}: register without it, or buy the product again.`, {
    code,
    field: "licenseKey",
  })

const unavailable = () =>
  new AppError("unavailable", "Gumroad cannot be asked about the licence now: try again in a minute.", {
    code: "gumroad_unavailable",
    retry_after_ms: 60_000,
  })
