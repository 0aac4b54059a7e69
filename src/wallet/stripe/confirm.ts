/** The customer comes back from the payment page: the session is looked up and credited if its event has not been. */
import { AppError } from "../../platform/errors.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import { findPurchaseBySession, type Purchase, type PurchaseKind } from "../purchases/purchases.ts"
import { toPaymentError } from "./account.ts"
import { type FulfilNeeds, fulfilSession } from "./fulfil.ts"

/**
 * Gives the paid purchase. Throws `not_found` for unknown and foreign sessions and those of the other wallet,
 * `payment_required` while it is unpaid, `conflict` when it ended unpaid or what was paid is not what was ordered,
 * `rate_limited` for a customer who makes us ask Stripe too often.
 */
export async function confirmSession(
  needs: FulfilNeeds & AttemptNeeds,
  asked: { customer_id: string; session_id: string; kind: PurchaseKind },
): Promise<Purchase> {
  const known = await findPurchaseBySession(needs.store.read, asked.session_id)
  if (known?.customer_id !== asked.customer_id || known.kind !== asked.kind) {
    throw new AppError("not_found", "You have no such payment session. Start a new checkout.", {
      code: "unknown_session",
      field: "sessionId",
    })
  }
  if (known.state === "paid") return known
  limitAttempts(needs, [`confirm by ${asked.customer_id}`])
  const fulfilled = await fulfilSession(needs, asked.session_id).catch(error => {
    throw toPaymentError(error)
  })
  switch (fulfilled.kind) {
    case "credited":
    case "credited-before":
      return fulfilled.purchase
    case "unpaid":
      throw new AppError("payment_required", "This session is not paid yet. Finish it on its payment page.", {
        code: "session_unpaid",
        field: "sessionId",
      })
    case "ended":
      throw new AppError("conflict", "This session has ended unpaid. Start a new checkout.", {
        code: "session_expired",
        field: "sessionId",
      })
    default:
      throw new AppError(
        "conflict",
        `What was paid is not what was ordered; nothing was credited. Tell the operator: purchase ${known.id}.`,
        { code: "payment_mismatch", field: "sessionId" },
      )
  }
}
