/** The model policy: which model a request gets, what is remembered, and what a changed policy changes. */
import { describe, expect, test } from "bun:test"
import { openCatalog } from "../../../src/gateway/catalog/catalog.ts"
import { seedModels } from "../../../src/gateway/catalog/seed.ts"
import {
  AS_REQUESTED,
  applyPolicy,
  openPolicies,
  type Policy,
  setPolicy,
} from "../../../src/gateway/policy/policy.ts"
import { openIdentity } from "../../support/identity.ts"

/** A customer with a policy, before the seeded catalogue, all of which the demo serves. */
async function open(policy?: Policy) {
  const identity = openIdentity()
  const { store, vault } = identity
  await seedModels(identity)
  const config = { demo: "on" as const, upstreams: [] }
  const catalog = await openCatalog({ config, read: store.read, vault })
  const policies = await openPolicies({ read: store.read })
  const customer_id = await identity.addCustomer()
  const set = async (wanted: Policy) => {
    await store.tx(q => setPolicy(q, 1, { customer_id, policy: wanted }))
    await policies.reload()
  }
  if (policy) await set(policy)
  return {
    store,
    policies,
    customer_id,
    set,
    async disable(model: string) {
      await store.tx(q => q.run("UPDATE model SET is_enabled = 0 WHERE id = ?", model))
      await catalog.reload()
    },
    choose(asked: string, customer = customer_id) {
      const choice = applyPolicy({ catalog, policies }, { customer_id: customer, asked })
      return choice && [choice.model.id, choice.is_mapped]
    },
  }
}

const BUDGET: Policy = { mode: "budget", model_id: null }
const CHOSEN: Policy = { mode: "chosen", model_id: "gpt-5.4" }

describe("as requested", () => {
  test.each([undefined, AS_REQUESTED])("a request gets what it asks for (%j)", async policy => {
    const { choose } = await open(policy)
    expect(choose("gpt-5.5")).toEqual(["gpt-5.5", false])
    expect(choose("nothing")).toBeUndefined()
  })

  test("another name of a model is not a mapping of the policy", async () => {
    const { choose } = await open()
    expect(choose("claude-haiku-4-5-20251001")).toEqual(["claude-haiku-4-5", false])
  })
})

describe("on a budget", () => {
  test.each([
    ["gpt-5.5", "gpt-5.4-mini", true],
    ["gpt-5.5-2026-04-23", "gpt-5.4-mini", true],
    ["claude-opus-4-8", "claude-sonnet-5", true],
    ["gpt-5.4-mini", "gpt-5.4-mini", false],
  ])("%s gets %s", async (asked, served, is_mapped) => {
    const { choose } = await open(BUDGET)
    expect(choose(asked)).toEqual([served, is_mapped])
  })

  test("a request gets what it asks for while the cheaper one is not served", async () => {
    const { choose, disable } = await open(BUDGET)
    await disable("gpt-5.4-mini")
    expect(choose("gpt-5.5")).toEqual(["gpt-5.5", false])
  })

  test("a model that does not exist stays one that does not", async () => {
    const { choose } = await open(BUDGET)
    expect(choose("nothing")).toBeUndefined()
  })
})

describe("with a chosen model", () => {
  test("every request gets it, whatever name it asks for", async () => {
    const { choose } = await open(CHOSEN)
    expect(choose("claude-opus-4-8")).toEqual(["gpt-5.4", true])
    expect(choose("a model of nobody")).toEqual(["gpt-5.4", true])
    expect(choose("gpt-5.4")).toEqual(["gpt-5.4", false])
    expect(choose("openai/gpt-5.4")).toEqual(["gpt-5.4", false])
  })

  test("a request is refused while it is not served: another could cost more", async () => {
    const { choose, disable } = await open(CHOSEN)
    await disable("gpt-5.4")
    expect(() => choose("gpt-5.5")).toThrow(
      expect.objectContaining({
        reason: "not_found",
        message: expect.stringContaining("gives every request to gpt-5.4, which is not served now"),
      }),
    )
  })

  test("that is removed stays the chosen one: nothing dearer is served unasked", async () => {
    const { store, policies, customer_id, choose, disable } = await open(CHOSEN)
    await disable("gpt-5.4")
    await store.tx(q => q.run("DELETE FROM model WHERE id = 'gpt-5.4'"))
    await policies.reload()
    expect(policies.find(customer_id)).toMatchObject(CHOSEN)
    expect(() => choose("gpt-5.5")).toThrow("which is not served now")
  })
})

describe("a policy", () => {
  test("is one customer's alone", async () => {
    const { choose } = await open(CHOSEN)
    expect(choose("gpt-5.5", "cus_other")).toEqual(["gpt-5.5", false])
  })

  test("set again is changed; it counts when it is read again", async () => {
    const { store, choose, customer_id, policies, set } = await open(CHOSEN)
    await store.tx(q => setPolicy(q, 2, { customer_id, policy: BUDGET }))
    expect(choose("gpt-5.5")).toEqual(["gpt-5.4", true])
    await policies.reload()
    expect(choose("gpt-5.5")).toEqual(["gpt-5.4-mini", true])
    await set(AS_REQUESTED)
    expect(choose("gpt-5.5")).toEqual(["gpt-5.5", false])
    expect(await store.read.all("SELECT mode FROM model_policy")).toEqual([{ mode: "as-requested" }])
  })

  test.each([
    "INSERT INTO model_policy VALUES (?, 'chosen', NULL, 0)",
    "INSERT INTO model_policy VALUES (?, 'budget', 'gpt-5.5', 0)",
    "INSERT INTO model_policy VALUES (?, 'whatever', NULL, 0)",
    "INSERT INTO model_policy VALUES ('cus_nobody' || ?, 'budget', NULL, 0)",
  ])("that makes no sense is refused by the database: %s", async sql => {
    const { store, customer_id } = await open()
    await expect(store.tx(q => q.run(sql, customer_id))).rejects.toThrow(/constraint failed/)
  })
})
