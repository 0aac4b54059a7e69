/** The operator's commands for the catalogue: what a running server serves after each. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { openTestApp, type TestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const EMPTY = { OPENAI_API_KEY: undefined, OPENROUTER_API_KEY: undefined, CODEXAPI_DEMO: "off" }

const servedIds = ({ app }: TestApp) => app.catalog.list().map(model => model.id)

describe("a model", () => {
  test("is served once it has a price and a route to an upstream", async () => {
    await using app = await openTestApp({ env: EMPTY })
    await runCommand(
      app,
      "upstream add",
      "--id",
      "own",
      "--base-url",
      "http://own.test/v1/",
      "--key",
      "canary-own-key",
    )
    expect(await runForRecord(app, "model add", "--id", "mine")).toEqual({ id: "mine", isServed: false })
    const priced = await runForRecord(app, "rate set", "--model", "mine", "--input", "1.25", "--output", "10")
    expect(priced).toMatchObject({ model: "mine", version: 1, isServed: false })
    const routed = await runForRecord(
      app,
      "route add",
      "--model",
      "mine",
      "--upstream",
      "own",
      "--upstream-model",
      "m-1",
    )
    expect(routed).toMatchObject({ model: "mine", isServed: true })
    expect(app.app.catalog.find("mine")).toMatchObject({
      label: "mine",
      context_window_tokens: 128_000,
      max_output_tokens: 32_000,
      reasoning_efforts: [],
      input_modalities: ["text"],
      rate_card: { version: 1, input_rate: 1_250_000, cache_read_rate: 1_250_000, output_rate: 10_000_000 },
      routes: [
        {
          upstream_model: "m-1",
          upstream: { id: "own", base_url: "http://own.test/v1", key: "canary-own-key" },
        },
      ],
    })
  })

  test("added again is changed, with the same price and routes", async () => {
    await using app = await openTestApp()
    const words = ["--id", "gpt-5.5", "--label", "Five", "--context-window", "1000", "--max-output", "10"]
    const more = [
      "--efforts",
      "low, high",
      "--modalities",
      "text,image",
      "--priority",
      "9",
      "--owned-by",
      "me",
    ]
    expect(await runForRecord(app, "model add", ...words, ...more)).toEqual({ id: "gpt-5.5", isServed: true })
    expect(app.app.catalog.find("gpt-5.5")).toMatchObject({
      label: "Five",
      owned_by: "me",
      context_window_tokens: 1_000,
      max_output_tokens: 10,
      reasoning_efforts: ["low", "high"],
      input_modalities: ["text", "image"],
      priority: 9,
    })
    expect(servedIds(app).indexOf("gpt-5.5")).toBeGreaterThan(servedIds(app).indexOf("claude-fable-5"))
  })

  test.each(["context-window", "max-output"])("with a %s of 0 is a usage error", async option => {
    await using app = await openTestApp()
    const add = runCommand(app, "model add", "--id", "mine", `--${option}`, "0")
    await expect(add).rejects.toThrow(`--${option} must be above 0`)
  })

  test("is listed with its upstreams, or with why it is not served", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model add", "--id", "mine", "--priority", "99")
    await runCommand(app, "model disable", "--id", "gpt-5.4")
    const listed = (await runCommand(app, "model list")) as Record<string, unknown>[]
    const of = (id: string) => listed.find(model => model.id === id)
    expect(of("gpt-5.5")).toEqual({
      id: "gpt-5.5",
      label: "GPT-5.5",
      isEnabled: true,
      isServed: true,
      upstreams: "openai, openrouter",
      budgetModel: "gpt-5.4-mini",
      reason: null,
    })
    expect(of("gpt-5.4")).toMatchObject({ isEnabled: false, isServed: false, reason: "disabled" })
    expect(of("deepseek-flash")).toMatchObject({ isServed: false, upstreams: "", reason: "no route" })
    expect(of("mine")).toMatchObject({ isServed: false, reason: "no price" })
  })

  test("may have a cheaper sibling for customers on a budget, which must be another model", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model add", "--id", "gpt-5.5", "--budget-model", "gpt-5.4")
    expect(app.app.catalog.find("gpt-5.5")).toMatchObject({ budget_model_id: "gpt-5.4" })
    const toItself = runCommand(app, "model add", "--id", "gpt-5.5", "--budget-model", "gpt-5.5")
    await expect(toItself).rejects.toThrow("--budget-model must be another model")
    const toNothing = runCommand(app, "model add", "--id", "gpt-5.5", "--budget-model", "nothing")
    await expect(toNothing).rejects.toThrow("there is no model nothing")
  })

  test("disabled is not served, enabled is again, removed is gone with its routes", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model disable", "--id", "gpt-5.5")
    await app.app.catalog.reload()
    expect(servedIds(app)).not.toContain("gpt-5.5")
    await runCommand(app, "model enable", "--id", "gpt-5.5")
    await app.app.catalog.reload()
    expect(servedIds(app)).toContain("gpt-5.5")
    expect(await runCommand(app, "model remove", "--id", "gpt-5.5")).toEqual({ id: "gpt-5.5", removed: true })
    await app.app.catalog.reload()
    expect(servedIds(app)).not.toContain("gpt-5.5")
    expect(JSON.stringify(await runCommand(app, "route list"))).not.toContain('"gpt-5.5"')
  })
})

describe("a route", () => {
  test("is listed in the order it is tried", async () => {
    await using app = await openTestApp()
    const listed = (await runCommand(app, "route list")) as Record<string, unknown>[]
    const of = listed.filter(route => route.model === "gpt-5.5")
    expect(of).toMatchObject([
      { upstream: "openai", upstreamModel: "gpt-5.5", tier: 0, weight: 1, isEnabled: 1 },
      { upstream: "openrouter", upstreamModel: "openai/gpt-5.5", tier: 1, weight: 1, isEnabled: 1 },
    ])
  })

  test("added again is changed, not doubled, and gives the id it has", async () => {
    await using app = await openTestApp()
    const words = ["--model", "gpt-5.5", "--upstream", "openai", "--tier", "5", "--weight", "7"]
    const { id } = await runForRecord(app, "route add", ...words)
    const listed = (await runCommand(app, "route list")) as Record<string, unknown>[]
    const changed = listed.filter(route => route.model === "gpt-5.5" && route.upstream === "openai")
    expect(changed).toMatchObject([{ tier: 5, weight: 7 }])
    expect(changed[0]!.id).toBe(id)
  })

  test("may be for VIP customers only; added again without the flag it is for all", async () => {
    await using app = await openTestApp()
    const words = ["--model", "gpt-5.5", "--upstream", "openai"]
    await runCommand(app, "route add", ...words, "--vip-only")
    const isVipOnly = () => app.app.catalog.find("gpt-5.5")!.routes.map(route => route.is_vip_only)
    expect(isVipOnly()).toEqual([true, false])
    const listed = (await runCommand(app, "route list")) as Record<string, unknown>[]
    expect(listed.filter(route => route.isVipOnly === 1)).toMatchObject([{ upstream: "openai" }])
    await runCommand(app, "route add", ...words)
    expect(isVipOnly()).toEqual([false, false])
  })

  test("to what does not exist is a usage error that says where to look", async () => {
    await using app = await openTestApp()
    const toModel = runCommand(app, "route add", "--model", "nothing", "--upstream", "openai")
    await expect(toModel).rejects.toThrow("there is no model nothing; `codexapi admin model list` shows them")
    const toUpstream = runCommand(app, "route add", "--model", "gpt-5.5", "--upstream", "nothing")
    await expect(toUpstream).rejects.toThrow("there is no upstream nothing")
  })

  test("with a weight of 0 is a usage error", async () => {
    await using app = await openTestApp()
    const add = runCommand(app, "route add", "--model", "gpt-5.5", "--upstream", "openai", "--weight", "0")
    await expect(add).rejects.toBeInstanceOf(UsageError)
  })

  test.each(["model", "upstream", "route"])(
    "removing or disabling a %s that is not there is a usage error",
    async noun => {
      await using app = await openTestApp()
      for (const verb of ["remove", "disable", "enable"]) {
        await expect(runCommand(app, `${noun} ${verb}`, "--id", "nothing")).rejects.toBeInstanceOf(UsageError)
      }
    },
  )
})

describe("a price", () => {
  test("is a new version; the old ones stay as they were", async () => {
    await using app = await openTestApp()
    const set = (...words: string[]) => runForRecord(app, "rate set", "--model", "gpt-5.5", ...words)
    await set("--input", "0.000001", "--output", "999999.999999", "--cached", "0", "--web-search", "2.5")
    const listed = await runCommand(app, "rate list", "--model", "gpt-5.5")
    expect(listed).toMatchObject([
      { version: 1, input: 5, cached: 0.5, output: 30 },
      { version: 2, input: 0.000001, cached: 0, output: 999_999.999999, source: "operator" },
    ])
    expect(app.app.catalog.find("gpt-5.5")!.rate_card).toMatchObject({
      version: 2,
      input_rate: 1,
      output_rate: 999_999_999_999,
      cache_read_rate: 0,
      cache_write_5m_rate: 1,
      web_search_rate: 2_500_000_000,
    })
  })

  test("keeps the factors of the service tiers", async () => {
    await using app = await openTestApp()
    await runCommand(app, "rate set", "--model", "gpt-5.5", "--input", "1", "--output", "2")
    expect(app.app.catalog.find("gpt-5.5")!.rate_card.tier_multipliers).toEqual({
      priority: [5, 2],
      fast: [5, 2],
      flex: [1, 2],
    })
    await runCommand(app, "rate set", "--model", "claude-opus-4-8", "--input", "1", "--output", "2")
    expect(app.app.catalog.find("claude-opus-4-8")!.rate_card.tier_multipliers).toEqual({})
  })

  test.each(["-1", "1e3", "0.0000001", "1,5", "many", "1000000"])(
    "of %s USD is a usage error",
    async amount => {
      await using app = await openTestApp()
      const set = runCommand(app, "rate set", "--model", "gpt-5.5", `--input=${amount}`, "--output", "1")
      await expect(set).rejects.toThrow("--input must be USD with at most six decimals")
      expect(await runCommand(app, "rate list", "--model", "gpt-5.5")).toHaveLength(1)
    },
  )

  test("of a model that does not exist is a usage error", async () => {
    await using app = await openTestApp()
    const set = runCommand(app, "rate set", "--model", "nothing", "--input", "1", "--output", "1")
    await expect(set).rejects.toBeInstanceOf(UsageError)
  })
})
