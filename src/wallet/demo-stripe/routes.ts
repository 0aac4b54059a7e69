/** HTTP for the demo's payment page; not found while payments are real or off. */
import { Elysia } from "elysia"
import { AppError } from "../../platform/errors.ts"
import type { SwitchablePayments } from "../stripe/payments.ts"

export const demoCheckoutRoutes = (needs: { payments: SwitchablePayments }) => {
  const answer = ({ request }: { request: Request }): Promise<Response> => {
    const demo = needs.payments.findDemo()
    if (demo) return demo.handlePage(request)
    throw new AppError("not_found", "There is nothing at this address. /swagger lists every endpoint.", {
      code: "no_such_endpoint",
    })
  }
  return new Elysia()
    .get("/demo-checkout/*", answer, { detail: { hide: true } })
    .post("/demo-checkout/*", answer, { parse: "none", detail: { hide: true } })
}
