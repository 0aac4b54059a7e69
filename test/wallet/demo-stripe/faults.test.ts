/** Tests of faults: scripted ones first and so often, others by chance from a seed. */
import { expect, test } from "bun:test"
import { createFaults } from "../../../src/wallet/demo-stripe/faults.ts"

const refuse = { kind: "refuse", status: 500 } as const
const lose = { kind: "lose-answer" } as const

test("a scripted fault hits the next matching call, once unless said", () => {
  const faults = createFaults(1)
  faults.nextCall(refuse, { method: "POST", path: "/v1/refunds" })
  faults.nextCall(lose, { count: 2 })
  const draw = (method: string, path: string) => faults.drawCall(method, path)?.kind
  expect(draw("POST", "/v1/refunds")).toBe("refuse")
  expect([draw("GET", "/v1/refunds"), draw("POST", "/v1/customers")]).toEqual(["lose-answer", "lose-answer"])
  expect(draw("POST", "/v1/refunds")).toBeUndefined()
})

test("a method and the beginning of a path must both match", () => {
  const faults = createFaults(1)
  faults.nextCall(refuse, { method: "GET", path: "/v1/events" })
  expect(faults.drawCall("POST", "/v1/events")).toBeUndefined()
  expect(faults.drawCall("GET", "/v1/customers")).toBeUndefined()
  expect(faults.drawCall("GET", "/v1/events/evt_1")).toEqual(refuse)
})

test("chance is the same for the same seed, and about as often as it should be", () => {
  const run = (seed: number) => {
    const faults = createFaults(seed)
    faults.someCalls(0.25, refuse)
    return Array.from({ length: 4000 }, () => faults.drawCall("GET", "/v1/events") !== undefined)
  }
  expect(run(7)).toEqual(run(7))
  expect(run(7)).not.toEqual(run(8))
  const share = run(7).filter(Boolean).length / 4000
  expect(share).toBeGreaterThan(0.22)
  expect(share).toBeLessThan(0.28)
  const faults = createFaults(3)
  const numbers = Array.from({ length: 1000 }, () => faults.chance())
  expect(numbers.every(number => number >= 0 && number < 1)).toBe(true)
})

test("a seed begins chance anew", () => {
  const faults = createFaults(1)
  faults.seed(9)
  const first = [faults.chance(), faults.chance()]
  faults.seed(9)
  expect([faults.chance(), faults.chance()]).toEqual(first)
})

test("several faults of a delivery come together, and clearing forgets them all", () => {
  const faults = createFaults(1)
  faults.someDeliveries(1, { kind: "reorder" })
  faults.nextDelivery({ kind: "lose" }, { type: "charge." })
  expect(faults.drawDelivery("charge.succeeded").map(fault => fault.kind)).toEqual(["reorder", "lose"])
  expect(faults.drawDelivery("charge.succeeded").map(fault => fault.kind)).toEqual(["reorder"])
  faults.someCalls(1, refuse)
  faults.clear()
  expect([faults.drawDelivery("charge.succeeded"), faults.drawCall("GET", "/")]).toEqual([[], undefined])
})
