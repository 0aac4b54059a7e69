/** A customer as our API shows it. */
import { t } from "elysia"
import type { Customer } from "../../auth/customers.ts"
import { Time, toIso, toIsoOrNull } from "../../platform/schema.ts"

export const CustomerView = t.Object({
  id: t.String(),
  email: t.String(),
  emailVerifiedAt: t.Nullable(Time, {
    description: "Since when the address is proven; null while it is not",
  }),
  createdAt: Time,
})

export const toApiCustomer = (customer: Customer) => ({
  id: customer.id,
  email: customer.email,
  emailVerifiedAt: toIsoOrNull(customer.email_verified_at),
  createdAt: toIso(customer.created_at),
})
