/** `codexapi conformance` as its users run it, and how its words are read. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../src/admin/command.ts"
import { GROUPS } from "../../src/conformance/case.ts"
import { readOptions, runConformance } from "../../src/conformance/command.ts"
import { openFolder } from "../support/folder.ts"
import { type Change, STUB_KEY, STUB_MODEL, startStub } from "./stub-server.ts"

const OWN = { own_url: "http://127.0.0.1:8787", key: undefined }

describe("the words", () => {
  test("default to this installation's own server, its first model and every group", () => {
    expect(readOptions(["--key", "sk-1"], OWN)).toEqual({
      base_url: "http://127.0.0.1:8787",
      key: "sk-1",
      model: undefined,
      groups: [...GROUPS],
    })
  })

  test("name another server, a model and groups", () => {
    const words = ["--base-url", "https://a.test/v1", "--key", "k", "--model", "m", "--only", "chat, auth"]
    expect(readOptions(words, OWN)).toEqual({
      base_url: "https://a.test/v1",
      key: "k",
      model: "m",
      groups: ["chat", "auth"],
    })
  })

  test("prefer --key to the environment's key", () => {
    const own = { ...OWN, key: "sk-env" }
    expect(readOptions([], own).key).toBe("sk-env")
    expect(readOptions(["--key", "sk-word"], own).key).toBe("sk-word")
  })

  test.each([
    ["no key", [], "missing: --key"],
    ["an unknown word", ["--key", "k", "--fast"], "--fast"],
    ["a group that is none", ["--key", "k", "--only", "chat,images"], '"images"'],
    ["an address that is none", ["--key", "k", "--base-url", "localhost:8787"], "http or https"],
    ["a word without a name", ["--key", "k", "chat"], "chat"],
  ])("are refused: %s", (_, words, message) => {
    expect(() => readOptions(words, OWN)).toThrow(UsageError)
    expect(() => readOptions(words, OWN)).toThrow(message)
  })
})

/** Runs in this process and gives what was printed. */
async function runOn(change: Change, words: string[], is_json = false) {
  await using stub = startStub(change)
  const printed: string[] = []
  const options = readOptions([...words, "--base-url", `${stub.url}/v1`, "--key", STUB_KEY], OWN)
  const print = async (text: string) => void printed.push(text)
  const is_ok = await runConformance(options, { print, is_json })
  return { is_ok, printed, asked: stub.asked }
}

const unchanged: Change = () => undefined

describe("a run", () => {
  test("says first what it will ask, then prints a table and the totals", async () => {
    const { is_ok, printed } = await runOn(unchanged, ["--only", "completions,models"])
    expect(is_ok).toBe(true)
    const [plan = "", report = ""] = printed
    expect(plan).toContain("another vendor's server")
    expect(plan).toContain(`with ${STUB_MODEL}, about 4 calls that reach the model`)
    expect(report.split("\n")[0]).toMatch(/^group +case +result +ms +finding$/)
    expect(report).toMatch(/^completions +completions\.stream +pass +\d+/m)
    expect(report.trimEnd().split("\n").at(-1)).toBe("6 passed, 0 failed, 2 not applicable")
  })

  test("prints one JSON object when asked to, and says that it failed", async () => {
    const broken: Change = (answer, ask) =>
      ask.path === "/v1/completions" ? { ...answer, ends_done: false } : answer
    const { is_ok, printed } = await runOn(broken, ["--only", "completions"], true)
    expect(is_ok).toBe(false)
    expect(printed).toHaveLength(1)
    const report = JSON.parse(printed[0]!)
    expect(report).toMatchObject({
      ok: false,
      model: STUB_MODEL,
      is_codexapi: false,
      model_calls: 4,
      passed: 1,
      failed: 2,
      not_applicable: 0,
    })
    expect(report.results.map((one: { id: string }) => one.id)).toEqual([
      "completions.whole",
      "completions.stream",
      "completions.stream-usage",
    ])
    expect(report.results[1].finding).toContain("[DONE]")
  })

  test("asks with the model that is named, without looking for one", async () => {
    const { asked } = await runOn(unchanged, ["--only", "completions", "--model", STUB_MODEL])
    expect(asked.some(({ path }) => path === "/v1/models")).toBe(false)
  })

  test.each([
    ["nobody listens", "http://127.0.0.1:1", "no whole answer"],
    ["no model is listed", undefined, "lists no model"],
  ])("that cannot begin, because %s, fails with one line", async (_, base_url, why) => {
    await using stub = startStub((answer, ask) =>
      ask.path === "/v1/models" ? { status: 200, headers: {}, json: { data: [] } } : answer,
    )
    const printed: string[] = []
    const options = readOptions(["--base-url", base_url ?? stub.url, "--key", STUB_KEY], OWN)
    const print = async (text: string) => void printed.push(text)
    expect(await runConformance(options, { print, is_json: false })).toBe(false)
    expect(printed).toEqual([expect.stringContaining(why)])
  })

  test("with a wrong key fails with the server's own words", async () => {
    await using stub = startStub()
    const printed: string[] = []
    const options = readOptions(["--base-url", stub.url, "--key", "sk-wrong"], OWN)
    const print = async (text: string) => void printed.push(text)
    expect(await runConformance(options, { print, is_json: true })).toBe(false)
    const finding = expect.stringContaining("GET /v1/models answers 401")
    expect(JSON.parse(printed[0]!)).toEqual({ ok: false, finding })
  })
})

describe("the executable's exit code", () => {
  async function exitCodeOf(words: string[], env: Record<string, string> = {}): Promise<[number, string]> {
    using folder = openFolder()
    const ran = Bun.spawn([process.execPath, "src/main.ts", "conformance", ...words], {
      env: { ...process.env, CODEXAPI_DATA_DIR: folder.path, ...env },
      stderr: "pipe",
    })
    const [output, errors] = await Promise.all([ran.stdout.text(), ran.stderr.text()])
    const code = await ran.exited
    // It asks a server; it never opens a database of its own.
    expect(folder.list()).toEqual([])
    return [code, output + errors]
  }

  test("is 0 when no case fails, with the key from the environment", async () => {
    await using stub = startStub()
    const words = ["--base-url", stub.url, "--only", "models", "--json"]
    const [code, output] = await exitCodeOf(words, { CODEXAPI_KEY: STUB_KEY })
    expect(code).toBe(0)
    expect(JSON.parse(output).failed).toBe(0)
  })

  test("is 1 when a case fails", async () => {
    await using stub = startStub((answer, ask) =>
      ask.path === "/" ? answer : { ...answer, headers: {}, ...WRONG },
    )
    const [code] = await exitCodeOf([
      "--base-url",
      stub.url,
      "--key",
      STUB_KEY,
      "--model",
      "m",
      "--only",
      "models",
    ])
    expect(code).toBe(1)
  })

  test("is 2 when the words are wrong", async () => {
    const [code, output] = await exitCodeOf(["--only", "nothing", "--key", "k"])
    expect(code).toBe(2)
    expect(output).toContain("--only takes")
  })

  test("is 0 for --help, which shows every option", async () => {
    const [code, output] = await exitCodeOf(["--help"])
    expect(code).toBe(0)
    for (const word of ["--base-url", "--key", "--model", "--only", "--json", "CODEXAPI_KEY"])
      expect(output).toContain(word)
  })
})

const WRONG = { status: 500, json: { error: "broken" } }
