/** Running cases: order, time, money apart from the rest, and bugs of cases that are never a pass. */
import { describe, expect, test } from "bun:test"
import type { Case } from "../../src/conformance/case.ts"
import { fail, notApplicable } from "../../src/conformance/finding.ts"
import { openSubject, runCases, type Subject } from "../../src/conformance/run.ts"
import { refusal, STUB_KEY, STUB_MODEL, startStub } from "./stub-server.ts"

const subjectOf = (change: Partial<Subject["target"]> = {}, case_ms = 5_000): Subject => ({
  target: { base_url: "http://127.0.0.1:1", key: "k", model: "m", is_ours: true, call_count: 0, ...change },
  missing_doors: new Set(),
  case_ms,
})

const caseOf = (id: string, run: Case["run"], change: Partial<Case> = {}): Case => ({
  id,
  group: "auth",
  title: "does what it should",
  run,
  ...change,
})

const passing = async () => {}

describe("a case", () => {
  test("passes, fails, does not apply, or is broken itself, which is a failure", async () => {
    const results = await runCases(subjectOf(), [
      caseOf("passes", passing),
      caseOf("fails", async () => fail("no")),
      caseOf("absent", async () => notApplicable("lacks it")),
      caseOf("broken", () => Promise.reject(new TypeError("x is undefined"))),
    ])
    expect(results.map(({ id, result, finding }) => [id, result, finding])).toEqual([
      ["passes", "pass", ""],
      ["fails", "FAIL", "no"],
      ["absent", "n/a", "lacks it"],
      ["broken", "FAIL", "the case itself broke: x is undefined"],
    ])
  })

  test("ends when its time is over, whatever the server does", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise<Response>(() => {}) })
    const subject = subjectOf({ base_url: `http://127.0.0.1:${server.port}` }, 50)
    const [result] = await runCases(subject, [caseOf("waits", async ({ ask }) => void (await ask("/")))])
    expect(result).toMatchObject({
      result: "FAIL",
      finding: expect.stringContaining("GET /: no whole answer"),
    })
    await server.stop(true)
  })

  test("of ours only, of billing, or of a missing protocol does not apply to another vendor's server", async () => {
    const subject = subjectOf({ is_ours: false })
    subject.missing_doors.add("/v1/messages")
    const never = async () => fail("it was run")
    const results = await runCases(subject, [
      caseOf("ours", never, { is_ours_only: true }),
      caseOf("billing", never, { group: "billing" }),
      caseOf("door", never, { door: "/v1/messages" }),
      caseOf("other", passing, { door: "/v1/responses" }),
    ])
    expect(results.map(one => one.result)).toEqual(["n/a", "n/a", "n/a", "pass"])
    expect(results.slice(0, 3).every(one => one.finding !== "")).toBe(true)
  })
})

describe("a run", () => {
  /** Cases that say when they are open. */
  function watched(groups: Case["group"][]) {
    const open = new Set<string>()
    const seen: string[][] = []
    const cases = groups.map((group, index) =>
      caseOf(
        `${group} ${index}`,
        async () => {
          open.add(`${group} ${index}`)
          seen.push([...open])
          await Bun.sleep(0)
          open.delete(`${group} ${index}`)
        },
        { group },
      ),
    )
    return { cases, seen }
  }

  test("has at most four cases open, and those of billing one by one, after all others", async () => {
    const { cases, seen } = watched(["billing", ...Array<"chat">(9).fill("chat"), "billing"])
    const results = await runCases(subjectOf(), cases)
    expect(results.map(one => one.id)).toEqual(cases.map(one => one.id))
    expect(Math.max(...seen.map(open => open.length))).toBe(4)
    expect(seen.filter(open => open.some(id => id.startsWith("billing")))).toEqual([
      ["billing 0"],
      ["billing 10"],
    ])
    expect(seen.at(-1)).toEqual(["billing 10"])
  })

  test("tells of each result as it ends", async () => {
    const heard: string[] = []
    await runCases(subjectOf(), watched(["auth", "chat"]).cases, result => heard.push(result.id))
    expect(heard.sort()).toEqual(["auth 0", "chat 1"])
  })
})

describe("a server", () => {
  test("is looked at: its model, its doors, and whether it is ours; for free", async () => {
    await using stub = startStub((answer, ask) =>
      ask.path === "/v1/messages" ? refusal(ask.path, 405, null) : answer,
    )
    const subject = await openSubject({ base_url: `${stub.url}/v1/`, key: STUB_KEY })
    expect(subject.target).toMatchObject({ base_url: stub.url, model: STUB_MODEL, is_ours: false })
    expect([...subject.missing_doors]).toEqual(["/v1/messages"])
    expect(stub.asked.filter(ask => ask.body && Object.keys(ask.body).length > 0)).toEqual([])
  })

  test.each([
    ["refuses the key", "sk-wrong", "GET /v1/models answers 401"],
    ["lists no model", STUB_KEY, "lists no model"],
  ])("that %s cannot be tested", async (_, key, why) => {
    await using stub = startStub((answer, ask) => {
      const is_list = ask.path === "/v1/models" && answer.status === 200
      return is_list ? { status: 200, headers: {}, json: { data: [] } } : answer
    })
    await expect(openSubject({ base_url: stub.url, key })).rejects.toThrow(why)
  })
})
