/** The model policy of each customer, in memory: whether a request gets the model it asks for; not what it costs. */
import { AppError } from "../../platform/errors.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import type { Catalog, Model } from "../catalog/catalog.ts"

/** `budget` gives the cheaper model of the family, `chosen` always the same one. */
export const POLICY_MODES = ["as-requested", "budget", "chosen"] as const

export type Policy =
  | { mode: "as-requested" | "budget"; model_id: null }
  | { mode: "chosen"; model_id: string }

/** What a customer has who never said anything. */
export const AS_REQUESTED: Policy = { mode: "as-requested", model_id: null }

export interface Policies {
  find(customer_id: string): Policy
  reload(): Promise<void>
}

type StoredPolicy = Policy & { customer_id: string }

/** Reads every policy; `reload` reads them again, and leaves them as they were when that fails. */
export async function openPolicies({ read }: { read: Query }): Promise<Policies> {
  let policies = await load(read)
  return {
    find: customer_id => policies.get(customer_id) ?? AS_REQUESTED,
    async reload() {
      policies = await load(read)
    },
  }
}

async function load(q: Query): Promise<Map<string, Policy>> {
  const rows = await q.all<StoredPolicy>("SELECT customer_id, mode, model_id FROM model_policy")
  return new Map(rows.map(row => [row.customer_id, row]))
}

/** Sets a customer's policy; a running server hears of it by the change counter `policy`. */
export async function setPolicy(
  q: TxQuery,
  now: number,
  { customer_id, policy }: { customer_id: string; policy: Policy },
): Promise<void> {
  await q.run(
    `INSERT INTO model_policy (customer_id, mode, model_id, updated_at) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (customer_id) DO UPDATE SET mode = ?2, model_id = ?3, updated_at = ?4`,
    customer_id,
    policy.mode,
    policy.model_id,
    now,
  )
}

/** The model to serve; `is_mapped` when the policy made it another than the one asked for. */
export interface PolicyChoice {
  model: Model
  is_mapped: boolean
}

/**
 * Chooses the model for a request. `undefined` when the name asked for leads to no model that is served and the
 * policy does not say otherwise: a chosen model answers to any name. Throws `not_found` when the chosen one is not
 * served, because any other could cost more than the customer agreed to; no 5xx, which clients would repeat.
 */
export function applyPolicy(
  needs: { catalog: Pick<Catalog, "find">; policies: Pick<Policies, "find"> },
  { customer_id, asked }: { customer_id: string; asked: string },
): PolicyChoice | undefined {
  const policy = needs.policies.find(customer_id)
  const requested = needs.catalog.find(asked)
  const model = policy.mode === "chosen" ? findChosen(needs, policy.model_id) : requested
  const served = policy.mode === "budget" ? findBudget(needs, model) : model
  return served && { model: served, is_mapped: served.id !== requested?.id }
}

function findChosen({ catalog }: { catalog: Pick<Catalog, "find"> }, model_id: string): Model {
  const model = catalog.find(model_id)
  if (!model) {
    throw new AppError(
      "not_found",
      `Your model policy gives every request to ${model_id}, which is not served now. Change the policy or try later.`,
      { code: "model_not_found", field: "model" },
    )
  }
  return model
}

/** The budget model where there is one that is served, else the model itself. */
const findBudget = ({ catalog }: { catalog: Pick<Catalog, "find"> }, model: Model | undefined) =>
  (model?.budget_model_id ? catalog.find(model.budget_model_id) : undefined) ?? model
