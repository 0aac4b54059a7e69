/** Tests of the keys themselves: bounded, a day long, freed by what keeps no answer; over HTTP they are in api.test.ts. */
import { expect, test } from "bun:test"
import { createIdempotency } from "../../../src/wallet/demo-stripe/idempotency.ts"
import { createTestClock } from "../../support/clock.ts"

const request = { endpoint: "POST /v1/refunds", params: "[]" }
const answer = { status: 200, body: "{}", request_id: "req_1" }
const DAY_MS = 86_400_000

test("a key is taken, then gives its answer for a day", () => {
  const clock = createTestClock()
  const keys = createIdempotency(clock, 10)
  expect(keys.begin("k", request)).toBeUndefined()
  expect(() => keys.begin("k", request)).toThrow("currently another in-progress request")
  keys.end("k", answer)
  clock.advance(DAY_MS - 1)
  expect(keys.begin("k", request)).toEqual(answer)
  clock.advance(1)
  expect(keys.begin("k", request)).toBeUndefined()
})

test("a key whose work keeps no answer is free again, and a late end harms nobody", () => {
  const keys = createIdempotency(createTestClock(), 10)
  keys.begin("k", request)
  keys.end("k", undefined)
  expect(keys.begin("k", { ...request, params: "[1]" })).toBeUndefined()
  keys.end("never begun", answer)
  expect(keys.begin("never begun", request)).toBeUndefined()
})

test("a key of another request is refused, and names both endpoints when they differ", () => {
  const keys = createIdempotency(createTestClock(), 10)
  keys.begin("k", request)
  keys.end("k", answer)
  expect(() => keys.begin("k", { ...request, params: "[1]" })).toThrow("same parameters they were first used")
  expect(() => keys.begin("k", { ...request, endpoint: "POST /v1/customers" })).toThrow(
    "('/v1/customers' vs '/v1/refunds')",
  )
})

test("above the bound the oldest keys go", () => {
  const keys = createIdempotency(createTestClock(), 3)
  for (const key of ["a", "b", "c", "d"]) {
    keys.begin(key, request)
    keys.end(key, answer)
  }
  expect(keys.begin("b", request)).toEqual(answer)
  expect(keys.begin("a", request)).toBeUndefined()
})
