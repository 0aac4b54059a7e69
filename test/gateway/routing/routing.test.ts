/** The routing state as the gateway uses it: order, health and stickiness together. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Outcome } from "../../../src/gateway/routing/outcome.ts"
import type { Routable } from "../../../src/gateway/routing/route-order.ts"
import { createRouting } from "../../../src/gateway/routing/routing.ts"
import { createTestClock } from "../../support/clock.ts"
import { checkProperty } from "../../support/property.ts"
import { createTestRandom } from "../../support/random.ts"

const ANSWERED: Outcome = { kind: "answered", first_output_ms: 100 }
const ERROR: Outcome = { kind: "error" }
const KEY_REFUSED: Outcome = { kind: "key-refused" }

const route = (id: string, more: Partial<Routable> = {}): Routable => ({
  id,
  tier: 0,
  weight: 1,
  upstream: { id: `up-${id}` },
  ...more,
})
const A = route("a")
const B = route("b")
const C = route("c")

function stage(seed = 1) {
  const clock = createTestClock()
  const routing = createRouting({ clock, random: createTestRandom(seed) })
  const order = (routes: readonly Routable[], sticky_key?: string, is_vip = false) =>
    routing.order({ routes, sticky_key, is_vip }).map(one => one.id)
  /** Tries a route whatever its state. */
  const end = (one: Routable, outcome: Outcome, sticky_key?: string) =>
    routing.begin(one, { sticky_key, is_last: true })?.end(outcome)
  const fail = (one: Routable) => {
    for (let count = 0; count < 5; count++) end(one, ERROR)
  }
  /** The ids that come first, over many conversations or draws. */
  const firsts = (routes: readonly Routable[]) => new Set(Array.from({ length: 50 }, () => order(routes)[0]))
  return { clock, routing, order, end, fail, firsts }
}

describe("order", () => {
  test("a route that is open comes last, even of a lower tier", () => {
    const { order, fail } = stage()
    const [first, second] = [route("first"), route("second", { tier: 1 })]
    expect(order([first, second])).toEqual(["first", "second"])
    fail(first)
    expect(order([first, second])).toEqual(["second", "first"])
  })

  test("of those that are open only the one that opens soonest is a last resort", () => {
    const { order, end, fail } = stage()
    end(A, KEY_REFUSED)
    end(B, { kind: "rate-limited", retry_after_ms: 3_000 })
    expect(order([A, B, C])).toEqual(["c", "b"])
    fail(C)
    expect(order([A, B, C])).toEqual(["b"])
  })

  test("a route whose limit has passed is drawn as before", () => {
    const { clock, order, end, firsts } = stage()
    end(A, { kind: "rate-limited", retry_after_ms: 3_000 })
    expect(order([A, B])).toEqual(["b", "a"])
    clock.advance(3_000)
    expect(firsts([A, B])).toEqual(new Set(["a", "b"]))
  })

  test("a route whose upstream is full comes behind the others of its tier", async () => {
    const { routing, firsts } = stage()
    const full = route("full", { weight: 1_000, upstream: { id: "small", max_concurrency: 1 } })
    const signal = new AbortController().signal
    const release = await routing.admit(full.upstream, { is_vip: false, signal })
    expect(firsts([full, B])).toEqual(new Set(["b"]))
    release()
    expect(firsts([full, B])).toContain("full")
  })

  test("routes for VIPs are for VIPs", () => {
    const { order } = stage()
    const vip = route("vip", { is_vip_only: true })
    expect(order([vip, route("later", { tier: 1 })])).toEqual(["later"])
    expect(order([vip, route("later", { tier: 1 })], undefined, true)).toEqual(["vip", "later"])
    expect(order([vip])).toEqual([])
  })
})

describe("a model with one route", () => {
  test.each<[string, Outcome]>([
    ["failures", ERROR],
    ["a refused key", KEY_REFUSED],
    ["limits", { kind: "rate-limited", retry_after_ms: 60_000 }],
  ])("is tried after any number of %s", (_, outcome) => {
    const { routing, order, end } = stage()
    for (let count = 0; count < 50; count++) end(A, outcome)
    expect(routing.health()[0]!.state).toBe("open")
    expect(order([A])).toEqual(["a"])
    expect(routing.begin(A, { sticky_key: undefined, is_last: true })).toBeDefined()
  })

  test("is tried by all while a probe is under way, and closes at the first answer", () => {
    const { clock, routing, end, fail } = stage()
    fail(A)
    clock.advance(5_000)
    routing.begin(A, { sticky_key: undefined, is_last: true })
    end(A, ANSWERED)
    expect(routing.health()[0]!.state).toBe("closed")
  })
})

describe("a probe", () => {
  test("is one request; the others pass the route over until it has ended", () => {
    const { clock, routing, order, fail, firsts } = stage()
    const low = [A, route("b", { tier: 1 })]
    fail(A)
    clock.advance(5_000)
    // Both requests were given their order before either began.
    expect(order(low)).toEqual(["a", "b"])
    const probe = routing.begin(A, { sticky_key: undefined, is_last: false })
    expect(probe).toBeDefined()
    expect(routing.begin(A, { sticky_key: undefined, is_last: false })).toBeUndefined()
    expect(firsts(low)).toEqual(new Set(["b"]))
    probe!.end({ kind: "client-left" })
    expect(order(low)).toEqual(["a", "b"])
  })

  test("that is answered brings the route back for all", () => {
    const { clock, routing, order, fail } = stage()
    const low = [A, route("b", { tier: 1 })]
    fail(A)
    clock.advance(5_000)
    routing.begin(A, { sticky_key: undefined, is_last: false })!.end(ANSWERED)
    expect(order(low)).toEqual(["a", "b"])
    expect(routing.begin(A, { sticky_key: undefined, is_last: false })).toBeDefined()
    expect(routing.begin(A, { sticky_key: undefined, is_last: false })).toBeDefined()
  })
})

describe("a conversation", () => {
  const KEYS = Array.from({ length: 30 }, (_, number) => `key-${number}`)

  test("has the same first route in another process, before anything was remembered", () => {
    const before = stage(1)
    const after = stage(2)
    for (const key of KEYS) expect(after.order([A, B, C], key)).toEqual(before.order([A, B, C], key))
  })

  test("stays where it was answered, whatever the weights say", () => {
    const { order, end } = stage()
    const heavy = route("heavy", { weight: 1_000_000 })
    for (const key of KEYS) {
      end(A, ANSWERED, key)
      expect(order([heavy, A], key)).toEqual(["a", "heavy"])
    }
  })

  test("stays until its route fails, and then stays at the one that answered instead", () => {
    const { clock, order, end, fail } = stage()
    const [key] = KEYS
    end(A, ANSWERED, key)
    end(B, ERROR)
    expect(order([A, B, C], key)[0]).toBe("a")
    fail(A)
    expect(order([A, B, C], key).at(-1)).toBe("a")
    end(B, ANSWERED, key)
    clock.advance(5_000)
    end(A, ANSWERED)
    expect(order([A, B, C], key)[0]).toBe("b")
  })

  test("is not moved by an attempt that did not answer", () => {
    const { order, end } = stage()
    for (const key of KEYS) {
      end(A, ANSWERED, key)
      end(B, { kind: "client-left" }, key)
      end(B, ERROR, key)
      end(B, ANSWERED)
      expect(order([A, B], key)[0]).toBe("a")
    }
  })

  test("goes back to the lower tier as soon as one is there", () => {
    const { clock, order, end, fail } = stage()
    const next = [route("b", { tier: 1 }), route("c", { tier: 1 })]
    fail(A)
    for (const key of KEYS) {
      end(next[1]!, ANSWERED, key)
      expect(order([A, ...next], key)).toEqual(["c", "b", "a"])
    }
    clock.advance(5_000)
    for (const key of KEYS) expect(order([A, ...next], key)[0]).toBe("a")
  })

  test("does not wait at a full upstream while another of its tier is free", async () => {
    const { routing, order, end } = stage()
    const full = route("full", { upstream: { id: "small", max_concurrency: 1 } })
    end(full, ANSWERED, "key")
    const asker = { is_vip: false, signal: new AbortController().signal }
    const release = await routing.admit(full.upstream, asker)
    expect(order([full, B], "key")).toEqual(["b", "full"])
    release()
    expect(order([full, B], "key")).toEqual(["full", "b"])
  })

  test("whose route was taken out of the catalogue has the others", () => {
    const { order, end } = stage()
    end(A, ANSWERED, "key")
    expect(order([B, C], "key").toSorted()).toEqual(["b", "c"])
  })
})

test("law: whatever happened, a request has a route, each once, only its own, available ones first", () => {
  const outcome = fc.constantFrom<Outcome>(ANSWERED, ERROR, KEY_REFUSED, {
    kind: "rate-limited",
    retry_after_ms: 9_000,
  })
  const step = fc.record({ at: fc.nat(3), outcome, wait_ms: fc.nat(4_000), key: fc.constantFrom("x", "y") })
  const routes = [A, B, route("c", { tier: 1 }), route("vip", { is_vip_only: true })]
  checkProperty(import.meta.path, fc.array(step, { maxLength: 60 }), steps => {
    const { clock, routing, order, end } = stage()
    for (const one of steps) {
      end(routes[one.at]!, one.outcome, one.key)
      clock.advance(one.wait_ms)
      const ordered = order(routes, one.key)
      expect(ordered.length).toBeWithin(1, 4)
      expect(new Set(ordered).size).toBe(ordered.length)
      expect(ordered).not.toContain("vip")
      const open = routing.health().filter(({ state }) => state === "open")
      const is_open = ordered.map(id => open.some(({ route_id }) => route_id === id))
      expect(is_open.slice(0, -1)).not.toContain(true)
    }
  })
})
