/** Where the browser goes after a payment page: the caller's own addresses, or ours. */
import { t } from "elysia"
import { AppError } from "../../platform/errors.ts"
import type { ReturnUrls } from "./checkout.ts"

/** Members of a request's body. */
export const ReturnUrl = {
  successUrl: t.Optional(
    t.String({
      maxLength: 2048,
      description:
        "Where to go after the payment; `{CHECKOUT_SESSION_ID}` is replaced. https, or http on loopback",
    }),
  ),
  cancelUrl: t.Optional(t.String({ maxLength: 2048, description: "Where to go without a payment" })),
}

/** Throws `unprocessable` for an address that is none or not safe. */
export function toReturnUrls(
  needs: { config: { public_url: string | undefined } },
  request: Request,
  asked: { successUrl?: string | undefined; cancelUrl?: string | undefined },
): ReturnUrls {
  const own = ownReturnUrls(needs.config.public_url ?? new URL(request.url).origin)
  return {
    success_url: read("successUrl", asked.successUrl) ?? own.success_url,
    cancel_url: read("cancelUrl", asked.cancelUrl) ?? own.cancel_url,
  }
}

/** Our own addresses, on a server at `base`. */
export const ownReturnUrls = (base: string): ReturnUrls => ({
  success_url: `${base}/?payment=done&session_id={CHECKOUT_SESSION_ID}`,
  cancel_url: `${base}/?payment=cancelled`,
})

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]

function read(field: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  // Only what every reader takes for the same address: `https:host`, blanks and line breaks are none.
  const url = /^https?:\/\/[\x21-\x7e]+$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  const is_safe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.includes(url.hostname))
  if (is_safe) return text
  throw new AppError("unprocessable", `${field} must be an https address, or http on this machine.`, {
    code: "invalid_url",
    field,
  })
}
