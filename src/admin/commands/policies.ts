/** The operator's commands for model policies: which model a customer's requests get. */
import { openPolicies, POLICY_MODES, type Policy, setPolicy } from "../../gateway/policy/policy.ts"
import { type Command, type CommandNeeds, UsageError, type Values } from "../command.ts"
import { readChoice } from "../option-values.ts"
import { findCustomer } from "./customers.ts"
import { assertExists } from "./lookup.ts"

const set: Command = {
  name: "policy set",
  summary: "Give a customer the models they ask for, cheaper ones, or always the same one",
  options: { customer: "id or e-mail", mode: POLICY_MODES.join("|"), "model?": "id, for chosen" },
  async run(needs, values) {
    const policy = readPolicy(values)
    if (policy.mode === "chosen") await assertExists(needs, "model", policy.model_id)
    const { id: customer_id } = await findCustomer(needs, values.customer!)
    await needs.store.tx(q => setPolicy(q, needs.clock.now(), { customer_id, policy }))
    return toOutput(needs, customer_id)
  },
}

const show: Command = {
  name: "policy show",
  summary: "A customer's model policy, and what it makes of each model",
  options: { customer: "id or e-mail" },
  run: async (needs, values) => toOutput(needs, (await findCustomer(needs, values.customer!)).id),
}

/** Throws UsageError. */
function readPolicy(values: Values): Policy {
  const mode = readChoice("mode", values.mode!, POLICY_MODES)
  const { model } = values
  if (mode === "chosen") {
    if (model === undefined) throw new UsageError("missing: --model, which --mode chosen needs")
    return { mode, model_id: model }
  }
  if (model !== undefined) throw new UsageError(`--model fits --mode chosen only, not ${mode}`)
  return { mode, model_id: null }
}

async function toOutput(needs: CommandNeeds, customer_id: string) {
  await needs.catalog.reload()
  const policy = (await openPolicies({ read: needs.store.read })).find(customer_id)
  return {
    customerId: customer_id,
    mode: policy.mode,
    model: policy.model_id,
    effect: effectOf(needs, policy),
  }
}

/** In words, what the policy does with the models that are served now. */
function effectOf({ catalog }: CommandNeeds, policy: Policy): string {
  if (policy.mode === "as-requested") return "every request gets the model it asks for"
  if (policy.mode === "chosen") {
    const is_served = catalog.list().some(model => model.id === policy.model_id)
    return is_served
      ? `every request gets ${policy.model_id}`
      : `every request is refused: ${policy.model_id} is not served`
  }
  const served = new Set(catalog.list().map(model => model.id))
  const mapped = catalog.list().flatMap(({ id, budget_model_id }) => {
    return budget_model_id !== null && served.has(budget_model_id) ? [`${id} → ${budget_model_id}`] : []
  })
  return mapped.join(", ") || "no served model has a cheaper one that is served"
}

export const policyCommands: readonly Command[] = [set, show]
