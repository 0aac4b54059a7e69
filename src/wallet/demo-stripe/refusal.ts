/** Why the demonstration Stripe refuses a call, in Stripe's own error shape; thrown, and answered by api.ts only. */
import type Stripe from "stripe"

/** The member `error` of an answer; source: https://docs.stripe.com/api/errors. */
export interface ErrorBody {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error"
  code?: string
  decline_code?: string
  message: string
  param?: string
  doc_url?: string
  charge?: string
  payment_intent?: Stripe.PaymentIntent
  payment_method?: Stripe.PaymentMethod
}

/** A refusal on its way to api.ts. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    /** Stripe keeps the answer under the idempotency key only once the endpoint started to work. */
    readonly is_kept: boolean,
  ) {
    super(body.message)
  }
}

/** A parameter is wrong: nothing was done, and nothing is kept under the idempotency key. */
export function refuseParam(param: string, message: string, code?: string): never {
  throw new Refusal(400, { ...codeOf(code), message, param, type: "invalid_request_error" }, false)
}

/** The state of an object forbids it. */
export function refuseState(message: string, detail: { code?: string; param?: string } = {}): never {
  const { code, ...rest } = detail
  throw new Refusal(400, { ...codeOf(code), ...rest, message, type: "invalid_request_error" }, true)
}

/** An object is not there: 404 when the URL names it, 400 when a parameter does, as Stripe answers. */
export function refuseMissing(noun: string, id: string, where: { param: string; status: 400 | 404 }): never {
  const message = `No such ${noun}: '${id}'`
  const body = { ...codeOf("resource_missing"), message, param: where.param }
  throw new Refusal(where.status, { ...body, type: "invalid_request_error" }, false)
}

/** The page of the documentation that Stripe names beside a code. */
export const codeOf = (code: string | undefined): { code?: string; doc_url?: string } =>
  code ? { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}` } : {}
