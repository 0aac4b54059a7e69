/** A purchase as our API shows it. */
import { t } from "elysia"
import { Time, toIso, toIsoOrNull, Usd } from "../../platform/schema.ts"
import { addNanos, centsToNanos, formatUsd } from "../ledger/nanos.ts"
import { formatCode } from "../offers/code-book.ts"
import type { Purchase } from "./purchases.ts"

export const PurchaseView = t.Object({
  id: t.String(),
  kind: t.String({
    description: "package, cash-load, auto-topup, cash-purchase (from the Cash Wallet) or plan-payment",
  }),
  packageId: t.Nullable(t.String()),
  state: t.String({ description: "open, paid, expired, failed or mismatch (ask the operator)" }),
  priceUsd: Usd,
  creditUsd: t.String({ ...Usd, description: "Token Wallet credit it gives, with the bonus" }),
  bonusUsd: t.String({ ...Usd, description: "What a bonus code adds; part of creditUsd" }),
  vipDays: t.Integer(),
  code: t.Nullable(t.String({ description: "The bonus code, as it is shown" })),
  isTest: t.Boolean({ description: "No money moves: Stripe's test mode, or the demo" }),
  createdAt: Time,
  paidAt: t.Nullable(Time),
})

export const toApiPurchase = (purchase: Purchase) => ({
  id: purchase.id,
  kind: purchase.kind,
  packageId: purchase.package_id,
  state: purchase.state,
  priceUsd: formatUsd(centsToNanos(purchase.price_cents)),
  creditUsd: formatUsd(addNanos(purchase.credit_nanos, purchase.bonus_nanos)),
  bonusUsd: formatUsd(purchase.bonus_nanos),
  vipDays: purchase.vip_days,
  code: purchase.code === null ? null : formatCode(purchase.code),
  isTest: purchase.is_live === 0,
  createdAt: toIso(purchase.created_at),
  paidAt: toIsoOrNull(purchase.paid_at),
})
