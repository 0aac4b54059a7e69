/** Packages as our API shows them, and what they can be paid with on this server. */
import { t } from "elysia"
import { Usd } from "../../platform/schema.ts"
import type { Store } from "../../platform/store.ts"
import { centsToNanos, formatUsd } from "../ledger/nanos.ts"
import type { PaymentNeeds } from "../stripe/account.ts"
import { listPackages, type PackageOffer } from "./packages.ts"

export const PackageView = t.Object({
  id: t.String({ description: "packageId of a purchase" }),
  label: t.String(),
  priceUsd: Usd,
  creditUsd: Usd,
  vipDays: t.Integer({ minimum: 0, description: "Days of VIP Priority; 0 for a plain credit pack" }),
})

export const OffersView = t.Object({
  packages: t.Array(PackageView, { description: "What can be bought now, in the operator's order" }),
  payments: t.UnionEnum(["stripe", "demo", "none"], {
    description: "stripe: by card. demo: a payment page on which no money moves. none: ask the operator",
  }),
})

/** What is offered at this moment; prices and payments are the operator's to change at any time. */
export async function readOffers(needs: PaymentNeeds & { store: Store }) {
  const account = needs.payments.find()
  const paid_with = account?.is_demo ? ("demo" as const) : ("stripe" as const)
  return {
    packages: (await listPackages(needs.store.read, "offered")).map(toApiPackage),
    payments: account ? paid_with : ("none" as const),
  }
}

export const toApiPackage = (offer: PackageOffer) => ({
  id: offer.id,
  label: offer.label,
  priceUsd: formatUsd(centsToNanos(offer.price_cents)),
  creditUsd: formatUsd(offer.credit_nanos),
  vipDays: offer.vip_days,
})
