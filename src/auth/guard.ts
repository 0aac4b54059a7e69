/** The guard: reads the credentials of a request and says who asks, or refuses; no endpoints. */
import { AppError } from "../platform/errors.ts"
import { hostNetworkOf } from "../platform/network.ts"
import type { RateLimit } from "../platform/rate-limit.ts"
import type { Caller, KeyRing } from "./keys.ts"
import { hintOf } from "./tokens.ts"

export interface GuardNeeds {
  keys: KeyRing
  /** Failed attempts per network. */
  failure_limit: RateLimit
}

/** The bearer token, from `Authorization: Bearer` or `x-api-key`. */
export function readToken(headers: Headers): string | undefined {
  const authorization = headers.get("authorization")
  if (authorization && /^bearer /i.test(authorization)) return authorization.slice(7).trim()
  return headers.get("x-api-key")?.trim() || undefined
}

/**
 * Who asks. Throws `unauthorized` with one message for unknown, revoked and expired keys alike,
 * and `rate_limited` for an address that keeps guessing.
 */
export async function authenticate(needs: GuardNeeds, request: Request, address: string): Promise<Caller> {
  const token = readToken(request.headers)
  if (!token) {
    const message = "Send your API key as `Authorization: Bearer <key>` or `x-api-key: <key>`."
    throw new AppError("unauthorized", message, { code: "missing_api_key" })
  }
  const caller = await needs.keys.find(token)
  if (caller) return caller
  const wait_ms = needs.failure_limit.take(hostNetworkOf(address))
  if (wait_ms > 0) {
    throw new AppError("rate_limited", "Too many requests with a wrong API key from your address.", {
      code: "too_many_failures",
      retry_after_ms: wait_ms,
    })
  }
  const message = `The API key ${hintOf(token)} is not valid: check it, or create a new one in your dashboard.`
  throw new AppError("unauthorized", message, { code: "invalid_api_key" })
}

/**
 * The client's network address. A proxy on this machine is believed about whom it speaks for;
 * nobody else's `x-forwarded-for` is.
 */
export function clientAddress(request: Request, peer: string | undefined): string {
  const own = plainAddress(peer)
  const is_local_proxy = own === "127.0.0.1" || own === "::1"
  const forwarded = is_local_proxy ? request.headers.get("x-forwarded-for")?.split(",").at(-1) : undefined
  return plainAddress(forwarded) || own || "unknown"
}

/** An IPv4 address that IPv6 carries (`::ffff:1.2.3.4`, from a socket that takes both) in its own form. */
const plainAddress = (address: string | undefined): string | undefined =>
  address?.trim().replace(/^::ffff:(?=[\d.]+$)/i, "")
