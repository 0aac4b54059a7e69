/** The model list: one body for OpenAI's SDK, Anthropic's SDK and the Codex CLI. */
import { describe, expect, test } from "bun:test"
import OpenAI from "openai"
import { openTestApp, requestOf, type TestApp } from "../support/app.ts"
import { runCommand } from "../support/operator.ts"
import { accessRows, testRows } from "../support/route-table.ts"

interface ModelList {
  object: string
  data: Record<string, unknown>[]
  has_more: boolean
  first_id: string | null
  last_id: string | null
  models?: Record<string, unknown>[]
}

const IDS = [
  "gpt-5.5",
  "gpt-5.4",
  "gpt-5.4-mini",
  "gpt-5.3-codex",
  "claude-opus-4-8",
  "claude-sonnet-5",
  "claude-haiku-4-5",
  "claude-fable-5",
  "claude-sonnet-4-5",
  "deepseek-v4-pro",
]

async function listFor(app: TestApp, query = ""): Promise<ModelList> {
  const { key } = await app.createCustomer()
  return app.sendJson<ModelList>(`/v1/models${query}`, { key })
}

const MODEL = {
  id: "gpt-5.5",
  object: "model",
  created: 1_767_323_045,
  owned_by: "openai",
  type: "model",
  display_name: "GPT-5.5",
  created_at: "2026-01-02T03:04:05.000Z",
}

describe("the list", () => {
  testRows(accessRows("/v1/models"))

  test("has the fields of OpenAI and of Anthropic side by side, by priority", async () => {
    await using app = await openTestApp()
    const list = await listFor(app)
    expect(list).toMatchObject({
      object: "list",
      has_more: false,
      first_id: "gpt-5.5",
      last_id: IDS.at(-1),
    })
    expect(list.data.map(model => model.id)).toEqual(IDS)
    expect(list.data[0]).toEqual(MODEL)
    expect(list).not.toHaveProperty("models")
  })

  test("has Codex's own form beside it when its CLI asks", async () => {
    await using app = await openTestApp()
    const list = await listFor(app, "?client_version=0.142.2")
    expect(list.data.map(model => model.id)).toEqual(IDS)
    expect(list.models!.map(model => model.slug)).toEqual(IDS)
    // codex-cli-wire 2.2: the CLI rejects the whole list when one of these is missing.
    for (const model of list.models!) {
      expect(model).toMatchObject({
        display_name: expect.any(String),
        supported_reasoning_levels: expect.any(Array),
        shell_type: "shell_command",
        visibility: "list",
        supported_in_api: true,
        priority: expect.any(Number),
        base_instructions: expect.any(String),
        truncation_policy: { mode: "tokens", limit: 10_000 },
        experimental_supported_tools: [],
        supports_parallel_tool_calls: true,
        context_window: expect.any(Number),
      })
    }
  })

  test("tells what each model can do", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model add", "--id", "gpt-5.5", "--efforts", "low,high", "--modalities", "text")
    const { models } = await listFor(app, "?client_version=1")
    const changed = models!.find(model => model.slug === "gpt-5.5")!
    expect(changed).toMatchObject({ input_modalities: ["text"], default_reasoning_level: "low" })
    expect(changed.supported_reasoning_levels).toEqual([
      { effort: "low", description: "Fast, with light reasoning" },
      { effort: "high", description: "Deeper reasoning for hard problems" },
    ])
  })

  test("of a server without models is empty, not broken", async () => {
    const env = { OPENAI_API_KEY: undefined, OPENROUTER_API_KEY: undefined, CODEXAPI_DEMO: "off" }
    await using app = await openTestApp({ env })
    expect(await listFor(app)).toEqual({
      object: "list",
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    })
  })

  test("follows the catalogue without a restart", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model disable", "--id", "gpt-5.5")
    await app.app.catalog.reload()
    expect((await listFor(app)).data.map(model => model.id)).toEqual(IDS.slice(1))
  })

  test("has only the models that the key may use", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer({ models: ["gpt-5.4", "gone"] })
    const list = await app.sendJson<ModelList>("/v1/models?client_version=1", { key })
    expect(list.data.map(model => model.id)).toEqual(["gpt-5.4"])
    expect(list.models!.map(model => model.slug)).toEqual(["gpt-5.4"])
  })

  test("and each model are documented", async () => {
    await using app = await openTestApp()
    const { paths } = await app.sendJson<{ paths: object }>("/swagger/json")
    expect(Object.keys(paths).filter(path => path.startsWith("/v1/models"))).toEqual([
      "/v1/models",
      "/v1/models/{model_id}",
    ])
  })

  test("tells nothing of upstreams, prices or the operator", async () => {
    await using app = await openTestApp()
    const text = JSON.stringify(await listFor(app, "?client_version=1"))
    for (const secret of ["first.test", "openrouter", "canary", "rate"]) expect(text).not.toContain(secret)
  })
})

describe("one model", () => {
  testRows(accessRows("/v1/models/gpt-5.5"))

  test("is shown as in the list", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    expect(await app.sendJson("/v1/models/gpt-5.5", { key })).toEqual(MODEL)
  })

  test.each(["/v1/models/vendor/own-1", "/v1/models/vendor%2Fown-1"])(
    "may have a slash in its name: %s",
    async path => {
      await using app = await openTestApp()
      const { key } = await app.createCustomer()
      await runCommand(app, "model add", "--id", "vendor/own-1")
      await runCommand(app, "rate set", "--model", "vendor/own-1", "--input", "1", "--output", "1")
      await runCommand(app, "route add", "--model", "vendor/own-1", "--upstream", "openai")
      expect(await app.sendJson(path, { key })).toMatchObject({ id: "vendor/own-1" })
    },
  )

  test("is shown to a key that may use it, and unknown to any other", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer({ models: ["gpt-5.4"] })
    expect(await app.sendJson("/v1/models/gpt-5.4", { key })).toMatchObject({ id: "gpt-5.4" })
    expect((await app.send("/v1/models/gpt-5.5", { key })).status).toBe(404)
  })

  const expectUnknown = async (path: string) => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const answer = await app.send(path, { key })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ error: { code: "model_not_found", param: "model" } })
    expect(app.events).toMatchObject([{ name: "request-refused", data: { code: "model_not_found" } }])
  }

  test.each(["/v1/models/gpt-9", "/v1/models/toString", "/v1/models/%20"])(
    "that is unknown is 404: %s",
    expectUnknown,
  )

  test("whose escape is broken is 404", () => expectUnknown("/v1/models/%E0%A4%A"))
})

test("OpenAI's own SDK reads the list and a model", async () => {
  await using app = await openTestApp()
  const { key } = await app.createCustomer()
  const client = new OpenAI({
    apiKey: key,
    baseURL: "http://localhost/v1",
    fetch: async (input, init) => app.handle(new Request(input as string, init as RequestInit)),
  })
  const ids: string[] = []
  for await (const model of client.models.list()) ids.push(model.id)
  expect(ids).toEqual(IDS)
  expect(await client.models.retrieve("gpt-5.5")).toMatchObject({ id: "gpt-5.5", owned_by: "openai" })
  const findUnknown = async () => await client.models.retrieve("gpt-9")
  await expect(findUnknown()).rejects.toBeInstanceOf(OpenAI.NotFoundError)
})

test("x-api-key opens the list for Anthropic's clients", async () => {
  await using app = await openTestApp()
  const { key } = await app.createCustomer()
  const answer = await app.handle(requestOf("/v1/models", { headers: { "x-api-key": key } }))
  expect(answer.status).toBe(200)
})
