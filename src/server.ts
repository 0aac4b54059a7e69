/** The URL map and the one error hook: which folder answers which path. */
import { Elysia } from "elysia"
import { apiKeyRoutes } from "./account/api-keys/routes.ts"
import { gumroadRoutes } from "./account/gumroad/routes.ts"
import { inboxRoutes } from "./account/inbox/routes.ts"
import { meRoutes } from "./account/me/routes.ts"
import { registerRoutes } from "./account/register/routes.ts"
import { signInRoutes } from "./account/sign-in/routes.ts"
import { vipRoutes } from "./account/vip/routes.ts"
import { adminRoutes } from "./admin/routes.ts"
import type { App } from "./app.ts"
import { CLIENTS } from "./gateway/protocol/codecs.ts"
import { gatewayRoutes } from "./gateway/routes.ts"
import { storedRoutes } from "./gateway/stored/routes.ts"
import { tokenRoutes } from "./gateway/tokens/routes.ts"
import { AppError } from "./platform/errors.ts"
import { describeError } from "./platform/log.ts"
import { problemResponse } from "./platform/problem.ts"
import { docsRoutes } from "./site/docs.ts"
import { systemRoutes } from "./site/system.ts"
import { autoTopupRoutes } from "./wallet/auto-topup/routes.ts"
import { demoCheckoutRoutes } from "./wallet/demo-stripe/routes.ts"
import { offerRoutes } from "./wallet/offers/routes.ts"
import { purchaseRoutes } from "./wallet/purchases/routes.ts"
import { rewardRoutes } from "./wallet/rewards/routes.ts"
import { walletRoutes } from "./wallet/routes.ts"
import { stripeRoutes } from "./wallet/stripe/routes.ts"
import { usageRoutes } from "./wallet/usage/routes.ts"

/** For `/v1`, where larger bodies are answered in the client's protocol, not by the HTTP layer with an empty 413. */
const LARGEST_REQUEST_BYTES = 64 * 1024 * 1024

/** A client that sends nothing, or takes nothing, for so long has gone. */
const IDLE_SECONDS = 60

/** The whole HTTP surface. Listening is the caller's. */
export function createServer(app: App) {
  return (
    new Elysia({
      // `standardHostname` answers 404 for hosts of three letters or fewer (stack.md).
      handler: { standardHostname: false },
      // Who connects and stays silent is hung up on; `gateway/routes.ts` lifts this for answers, which may be silent.
      serve: { idleTimeout: IDLE_SECONDS, maxRequestBodySize: LARGEST_REQUEST_BYTES },
    })
      .onRequest(({ set }) => {
        set.headers["x-request-id"] = app.newId("req")
      })
      .onError(({ error, code, request, set }) => {
        return answerError(app, {
          request,
          request_id: String(set.headers["x-request-id"]),
          thrown: error,
          code,
        })
      })
      // ── site ──
      .use(docsRoutes(app))
      .use(systemRoutes(app)) //            GET|HEAD /          /health
      // ── account ──
      .use(registerRoutes(app)) //          /api/v1/customer/register
      .use(gumroadRoutes(app)) //           /api/v1/gumroad/register
      .use(signInRoutes(app)) //            /api/v1/auth/login
      .use(meRoutes(app)) //                /api/v1/me
      .use(apiKeyRoutes(app)) //            /api/v1/me/api-keys
      .use(inboxRoutes(app)) //             /api/v1/messages
      .use(vipRoutes(app)) //               /api/v1/vip
      // ── wallet ──
      .use(walletRoutes(app)) //            /api/v1/wallet/status
      .use(offerRoutes(app)) //             /api/v1/wallet/topup-discount
      .use(usageRoutes(app)) //             /api/v1/billing/token-usage
      .use(stripeRoutes(app)) //            /api/v1/stripe/webhook  /api/v1/wallet/stripe/checkout  …/confirm
      .use(purchaseRoutes(app)) //          /api/v1/wallet/top-up  /api/v1/cash-wallet/token-purchase
      .use(autoTopupRoutes(app)) //         /api/v1/wallet/auto-topup
      .use(rewardRoutes(app)) //            /api/v1/daily-checkin  /api/v1/share-credit  /api/v1/referral
      .use(demoCheckoutRoutes(app)) //      /demo-checkout/{session}
      // ── gateway ──
      .use(gatewayRoutes(app)) //           /v1/responses       /v1/chat/completions  /v1/messages  /v1/models
      .use(storedRoutes(app)) //            /v1/responses/{id}  /v1/chat/completions/{id}
      .use(tokenRoutes(app)) //             /v1/responses/count_tokens  /v1/messages/count_tokens
      // ── operator ──
      .use(adminRoutes(app)) //             /metrics
  )
}

export type Server = ReturnType<typeof createServer>

interface Failed {
  request: Request
  request_id: string
  thrown: unknown
  /** Elysia's name of the case. */
  code: string | number
}

/** Every refusal and every bug of every route ends here, in the shape that the path's clients read. */
function answerError(app: App, failed: Failed): Response {
  const { request, request_id, thrown, code } = failed
  const error = toAppError(thrown, code)
  if (error.reason === "internal")
    app.log.error("request failed by a bug", { request_id, ...describeError(thrown) })
  else app.events.emit("request-refused", { reason: error.reason, code: error.detail.code ?? error.reason })
  const path = new URL(request.url).pathname
  if (!path.startsWith("/v1/")) return problemResponse(error, request_id)
  // Beside the doors themselves: paths under them that do not exist, stored objects, model lists.
  const protocol = /^\/v1\/messages(?:\/|$)/.test(path) ? "anthropic-messages" : "openai-responses"
  const answer = CLIENTS[protocol].writeError(error, request_id)
  return new Response(answer.body, {
    status: answer.status,
    headers: { ...answer.headers, "x-request-id": request_id, "request-id": request_id },
  })
}

function toAppError(thrown: unknown, code: string | number): AppError {
  if (thrown instanceof AppError) return thrown
  // Elysia takes whatever a parser throws for a malformed body.
  if (thrown instanceof Error && thrown.cause instanceof AppError) return thrown.cause
  switch (code) {
    case "NOT_FOUND":
      return new AppError("not_found", "There is nothing at this address. /swagger lists every endpoint.", {
        code: "no_such_endpoint",
      })
    case "PARSE":
      return new AppError("invalid", "The request body is not valid JSON.", {
        code: "invalid_json",
        field: "body",
      })
    case "VALIDATION":
      return readValidation(thrown)
    default:
      return new AppError("internal", "Something went wrong on our side. Please report the request id.")
  }
}

interface FieldError {
  /** Empty for a number in the query that is out of its range: such a parameter has its name as `title`. */
  path: string
  message: string
  schema?: { title?: string; anyOf?: { const?: unknown }[] }
}

/** Elysia's validation error: the first field that is wrong, in the client's notation. */
function readValidation(thrown: unknown): AppError {
  const { type, valueError } = thrown as { type?: string; valueError?: FieldError }
  if (type === "response")
    return new AppError("internal", "Something went wrong on our side. Please report the request id.")
  const field = valueError?.path.slice(1).replaceAll("/", ".") || valueError?.schema?.title || "body"
  const message = choicesOf(valueError) ?? valueError?.message ?? "not as documented"
  return new AppError("unprocessable", `${field}: ${message}.`, { code: "invalid_field", field })
}

/** TypeBox says only that none of them fits. */
function choicesOf(error: FieldError | undefined): string | undefined {
  const choices = error?.schema?.anyOf?.map(one => one.const)
  const is_choice = choices?.every(choice => typeof choice === "string")
  return is_choice ? `must be ${choices!.map(choice => JSON.stringify(choice)).join(" or ")}` : undefined
}
