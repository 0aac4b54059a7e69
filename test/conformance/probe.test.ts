/** The client of the black box: headers, bounds, what it says when no answer comes. */
import { describe, expect, test } from "bun:test"
import {
  createProbe,
  expectOffered,
  listAt,
  numberAt,
  objectOf,
  type Target,
  textAt,
  valueAt,
} from "../../src/conformance/probe.ts"
import { answerOf } from "./made-answers.ts"
import { STUB_KEY, STUB_MODEL, startStub } from "./stub-server.ts"

const targetOf = (base_url: string): Target => ({
  base_url,
  key: STUB_KEY,
  model: STUB_MODEL,
  is_ours: false,
  call_count: 0,
})

const probeOf = (target: Target) => createProbe(target, AbortSignal.timeout(5_000))

describe("a request", () => {
  test.each([
    ["bearer", { authorization: `Bearer ${STUB_KEY}` }],
    ["x-api-key", { "x-api-key": STUB_KEY }],
    ["none", {}],
  ] as const)("carries the key as %s and nothing else of it", async (auth, expected) => {
    await using stub = startStub()
    await probeOf(targetOf(stub.url)).ask("/v1/models", { auth })
    const { headers } = stub.asked[0]!
    const sent = { authorization: headers.get("authorization"), "x-api-key": headers.get("x-api-key") }
    expect(sent).toEqual({ authorization: null, "x-api-key": null, ...expected })
    expect(headers.get("user-agent")).toMatch(/^codexapi-conformance\//)
  })

  test("is a POST with JSON when it has a body", async () => {
    await using stub = startStub()
    const answer = await probeOf(targetOf(stub.url)).ask("/v1/responses", { body: { model: 7 } })
    expect(answer.asked).toBe("POST /v1/responses")
    expect(stub.asked[0]).toMatchObject({ method: "POST", body: { model: 7 } })
    expect(stub.asked[0]!.headers.get("content-type")).toBe("application/json")
  })

  test("follows no redirect: that is an answer too", async () => {
    await using stub = startStub(() => ({ status: 302, headers: { location: "/elsewhere" } }))
    expect((await probeOf(targetOf(stub.url)).ask("/v1/models")).status).toBe(302)
    expect(stub.asked).toHaveLength(1)
  })

  test("is repeated once when the server is busy for a moment, and not when it is for long", async () => {
    let count = 0
    const busy = { status: 429, headers: { "retry-after": "0" } }
    await using stub = startStub(answer => (++count === 1 ? busy : answer))
    expect((await probeOf(targetOf(stub.url)).ask("/v1/models")).status).toBe(200)
    await using busier = startStub(() => ({ ...busy, headers: { "retry-after": "3600" } }))
    expect((await probeOf(targetOf(busier.url)).ask("/v1/models")).status).toBe(429)
    expect(busier.asked).toHaveLength(1)
  })

  test("fails with words when nobody answers, and when the time is over", async () => {
    const nobody = probeOf(targetOf("http://127.0.0.1:1")).ask("/v1/models")
    await expect(nobody).rejects.toThrow("GET /v1/models: no whole answer came")
    await using stub = startStub()
    const late = createProbe(targetOf(stub.url), AbortSignal.abort()).ask("/v1/models")
    await expect(late).rejects.toThrow("no whole answer came")
  })

  test("is refused once a run has asked too often", async () => {
    await using stub = startStub()
    const target = { ...targetOf(stub.url), call_count: 1_000 }
    await expect(probeOf(target).ask("/v1/models")).rejects.toThrow("no more")
    expect(stub.asked).toHaveLength(0)
  })
})

test("what another vendor's server says it lacks does not apply; ours must have it", () => {
  const { ask } = probeOf(targetOf("http://127.0.0.1:1"))
  const asked = (is_ours: boolean, status: number) => () =>
    expectOffered({ ask, target: { ...targetOf(""), is_ours } }, answerOf({}, { status }))
  for (const status of [404, 405, 501])
    expect(asked(false, status)).toThrow(expect.objectContaining({ result: "n/a" }))
  for (const status of [200, 400, 500]) expect(asked(false, status)).not.toThrow()
  expect(asked(true, 404)).not.toThrow()
})

test("values are found by their path, and what is absent or of another kind is nothing", () => {
  const value = { list: [{ text: "a", count: 3 }] }
  expect(valueAt(value, "list.0.text")).toBe("a")
  expect(valueAt(value, "list.1.text")).toBeUndefined()
  expect([textAt(value, "list.0.text"), textAt(value, "list.0.count")]).toEqual(["a", ""])
  expect([numberAt(value, "list.0.count"), numberAt(value, "list.0.text")]).toEqual([3, Number.NaN])
  expect([listAt(value, "list").length, listAt(value, "list.0")]).toEqual([1, []])
  expect(() => objectOf(answerOf("[1]"))).toThrow("expected a JSON object")
})
