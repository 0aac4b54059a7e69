/** The operator's commands for upstreams: by preset, by hand, and what they refuse. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { PRESET_NAMES, PRESETS } from "../../../src/gateway/catalog/presets.ts"
import { openTestApp, type TestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const EMPTY = { OPENAI_API_KEY: undefined, OPENROUTER_API_KEY: undefined, CODEXAPI_DEMO: "off" }

/** The first upstream of a model, as it is served. */
async function upstreamOf({ app }: TestApp, model: string) {
  await app.catalog.reload()
  return app.catalog.find(model)?.routes[0]?.upstream
}

describe("an upstream", () => {
  test("keeps its key sealed: no list and no table shows it", async () => {
    await using app = await openTestApp({ env: EMPTY })
    const words = ["--id", "own", "--base-url", "http://own.test/v1", "--key", "canary-own-key"]
    const added = await runForRecord(app, "upstream add", ...words)
    expect(added).toEqual({
      id: "own",
      protocol: "openai-responses",
      baseUrl: "http://own.test/v1",
      hasKey: true,
      quirks: [],
      routesAdded: 0,
    })
    const listed = await runCommand(app, "upstream list")
    expect(listed).toEqual([
      {
        id: "own",
        protocol: "openai-responses",
        baseUrl: "http://own.test/v1",
        keyFrom: "sealed",
        quirks: "",
        toolNameLength: 64,
        maxConcurrency: null,
        isEnabled: 1,
        routes: 0,
      },
    ])
    const rows = await app.app.store.read.all("SELECT * FROM upstream")
    expect(JSON.stringify([listed, rows])).not.toContain("canary")
  })

  test("of the environment names the variable, never the key", async () => {
    await using app = await openTestApp()
    const listed = JSON.stringify(await runCommand(app, "upstream list"))
    expect(listed).toContain("environment OPENAI_API_KEY")
    expect(listed).not.toContain("canary")
  })

  test("added again is changed and enabled", async () => {
    await using app = await openTestApp({ env: EMPTY })
    await runCommand(app, "upstream add", "--id", "own", "--base-url", "http://old.test/v1", "--key", "old")
    await runCommand(app, "upstream disable", "--id", "own")
    await runCommand(app, "upstream add", "--id", "own", "--base-url", "http://new.test/v1")
    expect(await runCommand(app, "upstream list")).toMatchObject([
      { id: "own", baseUrl: "http://new.test/v1", keyFrom: "none", isEnabled: 1 },
    ])
  })

  test("removed takes its routes along", async () => {
    await using app = await openTestApp()
    await runCommand(app, "upstream remove", "--id", "openai")
    const listed = (await runCommand(app, "route list")) as Record<string, unknown>[]
    expect(new Set(listed.map(route => route.upstream))).toEqual(new Set(["openrouter"]))
  })

  test.each(["ftp://x", "own.test/v1", ""])("with the address %p is a usage error", async address => {
    await using app = await openTestApp()
    const add = runCommand(app, "upstream add", "--id", "own", `--base-url=${address}`)
    await expect(add).rejects.toBeInstanceOf(UsageError)
  })

  test("with a protocol nobody speaks is a usage error that lists those there are", async () => {
    await using app = await openTestApp()
    const add = runCommand(
      app,
      "upstream add",
      "--id",
      "own",
      "--base-url",
      "http://x",
      "--protocol",
      "gopher",
    )
    await expect(add).rejects.toThrow(
      "--protocol must be one of openai-responses, openai-chat, anthropic-messages, not gopher",
    )
  })
})

describe("a preset", () => {
  test("brings protocol, address, quirks and the routes of its models", async () => {
    await using app = await openTestApp({ env: EMPTY })
    const added = await runForRecord(app, "upstream add", "--preset", "deepseek", "--key", "sk-canary")
    expect(added).toEqual({
      id: "deepseek",
      protocol: "openai-chat",
      baseUrl: "https://api.deepseek.com/v1",
      hasKey: true,
      quirks: ["reasoning-content", "no-images", "no-web-search"],
      routesAdded: 2,
    })
    expect(await upstreamOf(app, "deepseek-flash")).toMatchObject({
      id: "deepseek",
      key: "sk-canary",
      quirks: new Set(PRESETS.deepseek.quirks),
    })
  })

  test("serves Claude by Anthropic", async () => {
    await using app = await openTestApp({ env: EMPTY })
    await runCommand(app, "upstream add", "--preset", "anthropic", "--key", "sk-canary")
    await app.app.catalog.reload()
    expect(app.app.catalog.find("claude-haiku-4-5-20251001")!.routes).toMatchObject([
      { upstream_model: "claude-haiku-4-5", upstream: { protocol: "anthropic-messages" } },
    ])
  })

  test("of a server at home: address and name are the operator's, models are added by hand", async () => {
    await using app = await openTestApp({ env: EMPTY })
    const at = ["--id", "local", "--base-url", "http://127.0.0.1:8000/v1"]
    expect(await runForRecord(app, "upstream add", "--preset", "compatible", ...at)).toMatchObject({
      id: "local",
      protocol: "openai-chat",
      hasKey: false,
      quirks: ["system-first", "no-web-search"],
      routesAdded: 0,
    })
    expect(await runForRecord(app, "upstream add", "--preset", "ollama")).toMatchObject({
      id: "ollama",
      baseUrl: "http://127.0.0.1:11434/v1",
    })
  })

  test("gives way to what is said beside it", async () => {
    await using app = await openTestApp({ env: EMPTY })
    const words = ["--preset", "deepseek", "--quirks", "no-images, no-images", "--quirk", "system-first"]
    const more = ["--protocol", "openai-responses", "--tool-name-length", "40", "--max-concurrency", "7"]
    const added = await runForRecord(app, "upstream add", ...words, ...more)
    expect(added).toMatchObject({ protocol: "openai-responses", quirks: ["no-images", "system-first"] })
    expect(await upstreamOf(app, "deepseek-v4-pro")).toMatchObject({
      quirks: new Set(["no-images", "system-first"]),
      tool_name_length: 40,
      max_concurrency: 7,
    })
  })

  test("is listed with what it brings", async () => {
    await using app = await openTestApp()
    const listed = (await runCommand(app, "upstream presets")) as Record<string, unknown>[]
    expect(listed.map(row => row.preset)).toEqual([...PRESET_NAMES])
    expect(listed[2]).toEqual({
      preset: "deepseek",
      summary: "DeepSeek, by its Chat Completions API",
      protocol: "openai-chat",
      baseUrl: "https://api.deepseek.com/v1",
      quirks: "reasoning-content, no-images, no-web-search",
      models: 2,
    })
    expect(listed[4]).toMatchObject({ preset: "compatible", baseUrl: "--base-url", models: 0 })
  })
})

describe("what is refused before anything is written", () => {
  test.each([
    [["--preset", "claude"], "--preset must be one of openai, anthropic, deepseek, openrouter, compatible"],
    [["--base-url", "http://x"], "missing: --id, or --preset"],
    [["--preset", "compatible"], "missing: --base-url, e.g."],
    [["--preset", "ollama", "--quirks", "moody"], 'there is no quirk "moody"; there are reasoning-content, '],
    [["--preset", "ollama", "--quirk", "No-Images"], 'there is no quirk "No-Images"'],
    [["--preset", "ollama", "--tool-name-length", "15"], "--tool-name-length must be from 16 to 256, not 15"],
    [["--preset", "ollama", "--tool-name-length", "257"], "--tool-name-length must be from 16 to 256"],
    [["--preset", "ollama", "--max-concurrency", "many"], "--max-concurrency must be a whole number"],
  ])("%j: %s", async (words, message) => {
    await using app = await openTestApp({ env: EMPTY })
    const add = runCommand(app, "upstream add", ...words)
    await expect(add).rejects.toBeInstanceOf(UsageError)
    await expect(add).rejects.toThrow(message)
    expect(await app.app.store.read.all("SELECT id FROM upstream")).toEqual([])
  })
})

describe("an update", () => {
  test("changes what is given and leaves the rest", async () => {
    await using app = await openTestApp()
    const before = await upstreamOf(app, "gpt-5.5")
    const words = ["--quirks", "no-images", "--max-concurrency", "2", "--tool-name-length", "32"]
    const updated = await runForRecord(app, "upstream update", "--id", "openai", ...words)
    expect(updated).toEqual({ id: "openai", changed: "quirks, tool-name-length, max-concurrency" })
    expect(await upstreamOf(app, "gpt-5.5")).toEqual({
      ...before!,
      quirks: new Set(["no-images"]),
      max_concurrency: 2,
      tool_name_length: 32,
    })
    await runCommand(app, "upstream update", "--id", "openai", "--quirks=", "--max-concurrency", "0")
    expect(await upstreamOf(app, "gpt-5.5")).toEqual({ ...before!, tool_name_length: 32 })
  })

  test("of one quirk adds it to those there are", async () => {
    await using app = await openTestApp()
    await runCommand(app, "upstream update", "--id", "openai", "--quirk", "no-images")
    await runCommand(app, "upstream update", "--id", "openai", "--quirk", "system-first")
    const quirks = new Set(["no-images", "system-first"])
    expect(await upstreamOf(app, "gpt-5.5")).toMatchObject({ quirks })
    const words = ["--preset", "ollama", "--quirk", "no-images"]
    expect(await runForRecord(app, "upstream add", ...words)).toMatchObject({
      quirks: ["system-first", "no-web-search", "no-images"],
    })
  })

  test("with a key takes the upstream over from the environment; the key is sealed", async () => {
    await using app = await openTestApp()
    const words = ["--base-url", "https://own.test/v1", "--key", "sk-canary-own", "--protocol", "openai-chat"]
    const updated = await runForRecord(app, "upstream update", "--id", "openai", ...words)
    expect(updated).toEqual({ id: "openai", changed: "base-url, key, protocol" })
    expect(await upstreamOf(app, "gpt-5.5")).toMatchObject({
      base_url: "https://own.test/v1",
      key: "sk-canary-own",
      protocol: "openai-chat",
    })
    expect(JSON.stringify(await app.app.store.read.all("SELECT * FROM upstream"))).not.toContain("canary-own")
  })

  test.each([
    [["--id", "nothing", "--quirks", "no-images"], "there is no upstream nothing"],
    [["--id", "openai"], "nothing to change: give at least one option beside --id"],
    [["--id", "openai", "--quirks", "moody"], 'there is no quirk "moody"'],
    [["--id", "openai", "--protocol", "gopher"], "--protocol must be one of openai-responses, "],
    [
      ["--id", "openai", "--base-url", "ftp://x", "--key", "k"],
      "--base-url must be an http or https address",
    ],
    [["--id", "openai", "--base-url", "http://x"], "set OPENAI_BASE_URL, or give --key too"],
  ])("%j is a usage error: %s", async (words, message) => {
    await using app = await openTestApp()
    const before = await app.app.store.read.all("SELECT * FROM upstream")
    const update = runCommand(app, "upstream update", ...words)
    await expect(update).rejects.toBeInstanceOf(UsageError)
    await expect(update).rejects.toThrow(message)
    expect(await app.app.store.read.all("SELECT * FROM upstream")).toEqual(before)
  })
})
