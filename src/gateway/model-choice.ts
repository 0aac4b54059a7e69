/** Which model serves a request: the one asked for, or the one that the customer's policy gives instead. */
import type { Caller } from "../auth/keys.ts"
import { AppError } from "../platform/errors.ts"
import type { Catalog, Model } from "./catalog/catalog.ts"
import { applyPolicy, type Policies, type PolicyChoice } from "./policy/policy.ts"

interface ChoiceNeeds {
  catalog: Catalog
  policies: Policies
}

/**
 * Throws `not_found` naming the models that the key may use. The key's list holds for what is served: a policy gives
 * no key a model that it must not use.
 */
export function chooseModel(needs: ChoiceNeeds, caller: Caller, asked: string): Model {
  const { customer_id } = caller
  const choice = applyPolicy(needs, { customer_id, asked })
  if (choice && mayBeServed(caller, asked, choice)) return choice.model
  const served = needs.catalog.list().filter(one => mayUse(caller, one.id))
  const hint = served.length > 0 ? ` Models you can use: ${served.map(one => one.id).join(", ")}.` : ""
  throw new AppError("not_found", `The model ${JSON.stringify(asked)} is not available here.${hint}`, {
    code: "model_not_found",
    field: "model",
  })
}

const mayBeServed = (caller: Caller, asked: string, { model, is_mapped }: PolicyChoice): boolean =>
  mayUse(caller, model.id) || (!is_mapped && mayUse(caller, asked))

const mayUse = ({ models }: Caller, model_id: string): boolean => models === null || models.includes(model_id)
