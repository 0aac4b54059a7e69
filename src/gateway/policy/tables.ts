/** Which model each customer's requests get, where it is not the one they ask for. */
import { oneOf, string, table, time } from "../../../db/kit.ts"

/** A customer without a row gets what they ask for. */
export const model_policy = table("model_policy", {
  customer_id: string().primaryKey(),
  mode: oneOf(["as-requested", "budget", "chosen"]).notNull(),
  /** The model of `chosen`, else null. It may be gone: requests are refused then, rather than given a dearer one. */
  model_id: string(),
  updated_at: time().notNull(),
})
