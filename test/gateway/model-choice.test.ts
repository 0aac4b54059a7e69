/** Which model serves: the one asked for, within what the key may use. */
import { describe, expect, test } from "bun:test"
import type { Caller } from "../../src/auth/keys.ts"
import type { Catalog, Model } from "../../src/gateway/catalog/catalog.ts"
import { chooseModel } from "../../src/gateway/model-choice.ts"
import { AS_REQUESTED, type Policy } from "../../src/gateway/policy/policy.ts"
import { modelOf } from "../support/asked.ts"
import { routeOf } from "../support/target.ts"

const big = modelOf(routeOf(), { id: "big", budget_model_id: "small" })
const small = modelOf(routeOf(), { id: "small" })

function choose(asked: string, { models = null as string[] | null, policy = AS_REQUESTED as Policy } = {}) {
  const list: Model[] = [big, small]
  const catalog = {
    list: () => list,
    find: (name: string) => list.find(({ id }) => id === name),
  } as Partial<Catalog> as Catalog
  const policies = { find: () => policy, reload: async () => {} }
  return chooseModel({ catalog, policies }, { customer_id: "c", models } as Caller, asked).id
}

const CHOSEN: Policy = { mode: "chosen", model_id: "small" }
const BUDGET: Policy = { mode: "budget", model_id: null }

describe("a model is served", () => {
  test.each([
    ["that was asked for", "big", {}, "big"],
    ["that the policy gives instead", "big", { policy: BUDGET }, "small"],
    ["that was chosen once and for all", "big", { policy: CHOSEN }, "small"],
    ["that the key may use", "big", { models: ["big"] }, "big"],
    [
      "that the policy gives, if the key may use that one",
      "big",
      { policy: BUDGET, models: ["small"] },
      "small",
    ],
  ])("%s", (_, asked, caller, served) => {
    expect(choose(asked, caller)).toBe(served)
  })
})

describe("no model is served", () => {
  test.each([
    ["that does not exist", "huge", {}, "Models you can use: big, small."],
    ["that the key must not use", "big", { models: ["small"] }, "Models you can use: small."],
    [
      "by a policy, to a key that must not use it",
      "big",
      { policy: BUDGET, models: ["big"] },
      "Models you can use: big.",
    ],
    ["to a key that may use none", "big", { models: [] }, "not available here."],
  ])("%s", (_, asked, caller, words) => {
    const refused = expect.objectContaining({
      reason: "not_found",
      message: expect.stringContaining(words),
      detail: { code: "model_not_found", field: "model" },
    })
    expect(() => choose(asked, caller)).toThrow(refused)
  })
})
