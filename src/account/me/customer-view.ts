/** A customer as our API shows it. */
import { t } from "elysia"
import type { Customer } from "../../auth/customers.ts"
import { Time, toIso } from "../../platform/schema.ts"

export const CustomerView = t.Object({ id: t.String(), email: t.String(), createdAt: Time })

export const toApiCustomer = (customer: Customer) => ({
  id: customer.id,
  email: customer.email,
  createdAt: toIso(customer.created_at),
})
