/** The operator's commands for model policies: what is set, what it says it will do, and what it refuses. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { openTestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

describe("a policy", () => {
  test("is as requested until it is set", async () => {
    await using app = await openTestApp()
    const { id, email } = await app.createCustomer()
    expect(await runForRecord(app, "policy show", "--customer", email)).toEqual({
      customerId: id,
      mode: "as-requested",
      model: null,
      effect: "every request gets the model it asks for",
    })
  })

  test("set is shown with what it does, and can be set again", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const set = (...words: string[]) => runForRecord(app, "policy set", "--customer", id, ...words)
    expect(await set("--mode", "chosen", "--model", "gpt-5.4")).toEqual({
      customerId: id,
      mode: "chosen",
      model: "gpt-5.4",
      effect: "every request gets gpt-5.4",
    })
    expect(await set("--mode", "budget")).toMatchObject({
      mode: "budget",
      model: null,
      effect: expect.stringContaining("gpt-5.5 → gpt-5.4-mini, gpt-5.4 → gpt-5.4-mini"),
    })
    expect(await runForRecord(app, "policy show", "--customer", id)).toMatchObject({ mode: "budget" })
    expect(await set("--mode", "as-requested")).toMatchObject({ mode: "as-requested" })
  })

  test("says when it refuses everything, and when it changes nothing", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const set = (...words: string[]) => runForRecord(app, "policy set", "--customer", id, ...words)
    expect(await set("--mode", "chosen", "--model", "deepseek-flash")).toMatchObject({
      effect: "every request is refused: deepseek-flash is not served",
    })
    await app.app.store.tx(q => q.run("UPDATE model SET budget_model_id = NULL"))
    expect(await set("--mode", "budget")).toMatchObject({
      effect: "no served model has a cheaper one that is served",
    })
  })
})

describe("what is refused", () => {
  test.each([
    [["--mode", "cheap"], "--mode must be one of as-requested, budget, chosen, not cheap"],
    [["--mode", "chosen"], "missing: --model, which --mode chosen needs"],
    [["--mode", "budget", "--model", "gpt-5.5"], "--model fits --mode chosen only, not budget"],
    [["--mode", "chosen", "--model", "nothing"], "there is no model nothing"],
  ])("%j: %s", async (words, message) => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const set = runCommand(app, "policy set", "--customer", id, ...words)
    await expect(set).rejects.toBeInstanceOf(UsageError)
    await expect(set).rejects.toThrow(message)
    expect(await app.app.store.read.all("SELECT * FROM model_policy")).toEqual([])
  })

  test("a customer that does not exist", async () => {
    await using app = await openTestApp()
    for (const customer of ["cus_nobody", "nobody@example.com"]) {
      await expect(runCommand(app, "policy set", "--customer", customer, "--mode", "budget")).rejects.toThrow(
        /customer/i,
      )
    }
  })
})
