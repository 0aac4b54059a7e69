/** Cloudflare Turnstile: whether a person is behind a request, asked of siteverify; where configured it fails closed. */
import { isIP } from "node:net"
import type { Clock } from "../platform/clock.ts"
import type { Config } from "../platform/config.ts"
import { AppError } from "../platform/errors.ts"
import type { Fetch } from "../platform/fetch.ts"

export interface TurnstileNeeds {
  config: Pick<Config, "turnstile">
  fetch: Fetch
  clock: Clock
}

/** Cloudflare: "a maximum of 2048 characters". */
export const LONGEST_TURNSTILE_TOKEN = 2048
const TIMEOUT_MS = 10_000
/** Error codes of siteverify that are the operator's to mend. */
const MISCONFIGURED = ["missing-input-secret", "invalid-input-secret"]

/**
 * Does nothing where Turnstile is not configured. A token is good once and for five minutes.
 * Throws `unprocessable` with `turnstile_required` without a token, `forbidden` with `turnstile_failed` for one that
 * is not good, `unavailable` when Cloudflare gives no answer within ten seconds or does not know our secret.
 */
export async function assertHuman(
  needs: TurnstileNeeds,
  input: { token: string | undefined; address: string },
): Promise<void> {
  const { turnstile } = needs.config
  if (turnstile === undefined) return
  if (!input.token) {
    const message = "Send the token of the Turnstile check that the page shows as turnstileToken."
    throw new AppError("unprocessable", message, { code: "turnstile_required", field: "turnstileToken" })
  }
  const { token, address } = input
  const verdict = token.length > LONGEST_TURNSTILE_TOKEN ? NEVER_ISSUED : await ask(needs, { token, address })
  if (!verdict.success) throw refusalOf(verdict.error_codes)
}

interface Verdict {
  success: boolean
  error_codes: readonly unknown[]
}

const NEVER_ISSUED: Verdict = { success: false, error_codes: [] }

/** Throws `unavailable` for anything but a verdict. */
async function ask(needs: TurnstileNeeds, input: { token: string; address: string }): Promise<Verdict> {
  const { secret_key, base_url } = needs.config.turnstile!
  const remoteip = isIP(input.address) === 0 ? undefined : input.address
  const deadline = new AbortController()
  const cancel = needs.clock.after(TIMEOUT_MS, () => deadline.abort())
  try {
    const answer = await needs.fetch(`${base_url}/turnstile/v0/siteverify`, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "codexapi" },
      body: JSON.stringify({ secret: secret_key, response: input.token, remoteip }),
      signal: deadline.signal,
      redirect: "manual",
    })
    return readVerdict(answer.status, await answer.json())
  } catch {
    // Not reached, too slow, or no JSON: which of them matters to nobody who asks us.
    throw unavailable("turnstile_unavailable")
  } finally {
    cancel()
  }
}

/** Throws when it is none, e.g. the page of a proxy or Cloudflare's own failure. */
function readVerdict(status: number, body: unknown): Verdict {
  const { success, "error-codes": error_codes } = body as { success: unknown; "error-codes"?: unknown }
  if (status >= 500 || typeof success !== "boolean") throw new Error("not a verdict")
  return { success: success && status === 200, error_codes: Array.isArray(error_codes) ? error_codes : [] }
}

function refusalOf(error_codes: readonly unknown[]): AppError {
  if (MISCONFIGURED.some(code => error_codes.includes(code))) return unavailable("turnstile_misconfigured")
  if (error_codes.includes("internal-error")) return unavailable("turnstile_unavailable")
  const message = error_codes.includes("timeout-or-duplicate")
    ? "The Turnstile check was used already or is older than five minutes: let the page make a new one."
    : "The Turnstile check was not passed: let the page make a new one, and send its token as turnstileToken."
  return new AppError("forbidden", message, { code: "turnstile_failed", field: "turnstileToken" })
}

/** The code tells the operator, who sees it in the events, whose fault it is. */
const unavailable = (code: string) =>
  new AppError(
    "unavailable",
    "The Turnstile check cannot be verified at the moment: try again in a minute.",
    {
      code,
      retry_after_ms: 60_000,
    },
  )
