/** The circuit breaker: what opens it, for how long, who probes, and the laws that hold whatever happens. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  type Breaker,
  beginPass,
  createBreaker,
  endPass,
  isAvailable,
  openReasonOf,
  opensAt,
  type Pass,
  stateOf,
} from "../../../src/gateway/routing/breaker.ts"
import type { Outcome } from "../../../src/gateway/routing/outcome.ts"
import { checkProperty } from "../../support/property.ts"

const NOW = 1_000_000
const ANSWERED: Outcome = { kind: "answered", first_output_ms: 1 }
const ERROR: Outcome = { kind: "error" }
const limited = (retry_after_ms: number): Outcome => ({ kind: "rate-limited", retry_after_ms })

/** Draws nearly 0: no wait is shortened. */
const lowest = (size: number) => new Uint8Array(size)
/** Draws nearly 1: every wait is shortened as far as it goes. */
const highest = (size: number) => new Uint8Array(size).fill(255)

const end = (breaker: Breaker, pass: Pass, outcome: Outcome, now: number, random = lowest) =>
  endPass(breaker, pass, { outcome, now, random })

/** Begins and ends tries at one moment. */
function tryAll(breaker: Breaker, outcomes: Outcome[], now = NOW, random = lowest): void {
  for (const outcome of outcomes) end(breaker, beginPass(breaker, now), outcome, now, random)
}

const repeat = (count: number, outcome: Outcome): Outcome[] => Array.from({ length: count }, () => outcome)

/** A breaker that five failures have just opened, until `NOW` + 5 s. */
function opened(): Breaker {
  const breaker = createBreaker()
  tryAll(breaker, repeat(5, ERROR))
  return breaker
}

describe("a closed route", () => {
  test.each<[string, Outcome[], "open" | "closed"]>([
    ["four failures in a row", repeat(4, ERROR), "closed"],
    ["five failures in a row", repeat(5, ERROR), "open"],
    [
      "five failures of different kinds",
      [{ kind: "cut" }, { kind: "timeout" }, ERROR, { kind: "unreachable" }, ERROR],
      "open",
    ],
    ["an answer between", [...repeat(4, ERROR), ANSWERED, ...repeat(4, ERROR)], "closed"],
    ["half of twenty", Array.from({ length: 20 }, (_, number) => (number % 2 ? ERROR : ANSWERED)), "closed"],
    [
      "more than half, never five in a row",
      Array.from({ length: 21 }, (_, number) => (number % 3 ? ERROR : ANSWERED)),
      "open",
    ],
    [
      "more than half of fewer than twenty",
      Array.from({ length: 18 }, (_, number) => (number % 3 ? ERROR : ANSWERED)),
      "closed",
    ],
    ["client faults", repeat(50, { kind: "client-fault" }), "closed"],
    ["clients that left", repeat(50, { kind: "client-left" }), "closed"],
    ["tries that were never sent", repeat(50, { kind: "unasked" }), "closed"],
    ["one refused key", [{ kind: "key-refused" }], "open"],
  ])("after %s (%#)", (_, outcomes, state) => {
    const breaker = createBreaker()
    tryAll(breaker, outcomes)
    expect(stateOf(breaker, NOW)).toBe(state)
  })

  test("a client's fault between failures neither counts nor excuses", () => {
    const breaker = createBreaker()
    tryAll(breaker, [...repeat(4, ERROR), { kind: "client-fault" }, { kind: "client-left" }])
    expect(stateOf(breaker, NOW)).toBe("closed")
    tryAll(breaker, [ERROR])
    expect(stateOf(breaker, NOW)).toBe("open")
  })

  test("the share is that of the last minute", () => {
    const breaker = createBreaker()
    for (let number = 0; number < 16; number++) tryAll(breaker, [number % 4 ? ERROR : ANSWERED])
    tryAll(breaker, [ANSWERED, ERROR, ERROR, ERROR], NOW + 61_000)
    expect(stateOf(breaker, NOW + 61_000)).toBe("closed")
  })
})

describe("the wait", () => {
  test("is five seconds, then the route is half-open", () => {
    const breaker = opened()
    expect(opensAt(breaker)).toBe(NOW + 5_000)
    expect(openReasonOf(breaker, NOW)).toBe("failures")
    expect(stateOf(breaker, NOW + 4_999)).toBe("open")
    expect(stateOf(breaker, NOW + 5_000)).toBe("half-open")
  })

  test("doubles with every probe that fails, up to five minutes", () => {
    const breaker = opened()
    const waits: number[] = []
    for (let count = 0; count < 8; count++) {
      const now = opensAt(breaker)
      tryAll(breaker, [ERROR], now)
      waits.push((opensAt(breaker) - now) / 1_000)
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300, 300])
  })

  test("is shortened by a fifth at most", () => {
    const breaker = createBreaker()
    tryAll(breaker, repeat(5, ERROR), NOW, highest)
    expect(opensAt(breaker) - NOW).toBe(4_000)
  })

  test("goes on doubling when the route falls again at once, and begins anew after a calm minute", () => {
    const breaker = opened()
    tryAll(breaker, [ANSWERED, ...repeat(5, ERROR)], NOW + 5_000)
    expect(opensAt(breaker)).toBe(NOW + 15_000)
    tryAll(breaker, [ANSWERED], NOW + 15_000)
    tryAll(breaker, repeat(5, ERROR), NOW + 76_000)
    expect(opensAt(breaker)).toBe(NOW + 81_000)
  })

  test("for a refused key is a minute, each time", () => {
    const breaker = createBreaker()
    tryAll(breaker, [{ kind: "key-refused" }])
    expect([opensAt(breaker), openReasonOf(breaker, NOW)]).toEqual([NOW + 60_000, "key-refused"])
    tryAll(breaker, [{ kind: "key-refused" }], NOW + 60_000)
    expect(opensAt(breaker)).toBe(NOW + 120_000)
  })
})

describe("half-open", () => {
  const THEN = NOW + 5_000

  test("one probe at a time: its answer closes the route", () => {
    const breaker = opened()
    expect(isAvailable(breaker, THEN)).toBe(true)
    const probe = beginPass(breaker, THEN)
    expect(isAvailable(breaker, THEN)).toBe(false)
    end(breaker, probe, ANSWERED, THEN)
    expect([stateOf(breaker, THEN), breaker.failures_in_a_row]).toEqual(["closed", 0])
  })

  test.each<Outcome>([{ kind: "client-left" }, { kind: "client-fault" }, { kind: "unasked" }])(
    "a probe that ends with %o gives its place back",
    outcome => {
      const breaker = opened()
      end(breaker, beginPass(breaker, THEN), outcome, THEN)
      expect([stateOf(breaker, THEN), isAvailable(breaker, THEN)]).toEqual(["half-open", true])
    },
  )

  test("failures from before it opened are forgotten when it closes", () => {
    const breaker = createBreaker()
    tryAll(breaker, [...repeat(8, ANSWERED), ...repeat(4, ERROR), ANSWERED, ...repeat(4, ERROR)])
    tryAll(breaker, [ANSWERED, ...repeat(5, ERROR)])
    tryAll(breaker, [ANSWERED, ERROR], THEN)
    expect(stateOf(breaker, THEN)).toBe("closed")
  })

  test("a try that is no probe can close the route but not lengthen its wait", () => {
    const breaker = opened()
    beginPass(breaker, THEN)
    tryAll(breaker, [ERROR, { kind: "key-refused" }], THEN)
    expect(stateOf(breaker, THEN)).toBe("half-open")
    tryAll(breaker, [ANSWERED], THEN)
    expect(stateOf(breaker, THEN)).toBe("closed")
  })

  test("a try from before it opened decides nothing", () => {
    const breaker = createBreaker()
    const early = beginPass(breaker, NOW)
    const late = beginPass(breaker, NOW)
    tryAll(breaker, repeat(5, ERROR))
    end(breaker, early, ANSWERED, NOW)
    expect(stateOf(breaker, NOW)).toBe("open")
    end(breaker, late, ERROR, THEN)
    expect(opensAt(breaker)).toBe(THEN)
  })
})

describe("a limit", () => {
  test("leaves the route alone for as long as the upstream says, and is no failure", () => {
    const breaker = createBreaker()
    tryAll(breaker, [limited(30_000)])
    expect([stateOf(breaker, NOW), openReasonOf(breaker, NOW)]).toEqual(["open", "rate-limited"])
    expect(stateOf(breaker, NOW + 30_000)).toBe("closed")
    expect([breaker.failures_in_a_row, openReasonOf(breaker, NOW + 30_000)]).toEqual([0, null])
  })

  test("is five minutes at most, and a shorter one does not end a longer one", () => {
    const breaker = createBreaker()
    tryAll(breaker, [limited(86_400_000), limited(1_000)])
    expect(opensAt(breaker)).toBe(NOW + 300_000)
  })

  test("met by a probe gives the place back and delays the next one", () => {
    const breaker = opened()
    tryAll(breaker, [limited(7_000)], NOW + 5_000)
    expect(stateOf(breaker, NOW + 11_999)).toBe("open")
    expect(isAvailable(breaker, NOW + 12_000)).toBe(true)
  })
})

const outcome = fc.oneof(
  fc.constantFrom<Outcome>(ANSWERED, ERROR, { kind: "timeout" }, { kind: "key-refused" }),
  fc.constantFrom<Outcome>({ kind: "client-left" }, { kind: "client-fault" }, { kind: "unasked" }),
  fc.nat(400_000).map(limited),
)
/** Waits, begins a try (also when it is not available) or ends one of those under way. */
const step = fc.oneof(
  fc.record({ wait_ms: fc.oneof(fc.nat(2_000), fc.nat(400_000)) }),
  fc.record({ is_forced: fc.boolean() }),
  fc.record({ end: fc.nat(), outcome }),
)

/** Runs steps; `check` is called after each. */
function play(steps: readonly Step[], check: (state: Played) => void): Played {
  const state: Played = { breaker: createBreaker(), now: NOW, passes: [], probes: new Set() }
  for (const one of steps) {
    playStep(state, one)
    check(state)
  }
  return state
}

type Step = { wait_ms: number } | { is_forced: boolean } | { end: number; outcome: Outcome }
interface Played {
  breaker: Breaker
  now: number
  passes: Pass[]
  /** Tries under way that were let through while the route was half-open. */
  probes: Set<Pass>
}

function playStep(state: Played, one: Step): void {
  const { breaker, passes, probes } = state
  if ("wait_ms" in one) state.now += one.wait_ms
  else if ("is_forced" in one) {
    const is_free = isAvailable(breaker, state.now)
    if (!is_free && !one.is_forced) return
    const pass = beginPass(breaker, state.now)
    passes.push(pass)
    if (is_free && stateOf(breaker, state.now) === "half-open") probes.add(pass)
  } else if (passes.length > 0) {
    const [pass] = passes.splice(one.end % passes.length, 1)
    end(breaker, pass!, one.outcome, state.now)
    probes.delete(pass!)
  }
}

describe("laws", () => {
  const steps = fc.array(step, { maxLength: 120 })

  test("there is never more than one probe under way", () => {
    checkProperty(import.meta.path, steps, list => {
      play(list, ({ probes }) => expect(probes.size).toBeLessThanOrEqual(1))
    })
  })

  test("no wait is longer than five minutes, and a route that is not closed says why", () => {
    checkProperty(import.meta.path, steps, list => {
      play(list, ({ breaker, now }) => {
        expect(opensAt(breaker) - now).toBeLessThanOrEqual(300_000)
        expect(openReasonOf(breaker, now) === null).toBe(stateOf(breaker, now) === "closed")
      })
    })
  })

  test("whatever happened, once the tries have ended and five minutes have passed, one answer closes it", () => {
    checkProperty(import.meta.path, steps, list => {
      const state = play(list, () => {})
      for (const pass of state.passes) end(state.breaker, pass, { kind: "client-left" }, state.now)
      const later = state.now + 300_000
      expect(isAvailable(state.breaker, later)).toBe(true)
      tryAll(state.breaker, [ANSWERED], later)
      expect(stateOf(state.breaker, later)).toBe("closed")
    })
  })

  test("what is not the route's failure never opens it", () => {
    const harmless = steps.map(list =>
      list.filter(
        one => !("outcome" in one) || !["error", "timeout", "key-refused"].includes(one.outcome.kind),
      ),
    )
    checkProperty(import.meta.path, harmless, list => {
      play(list, ({ breaker }) => expect(breaker.open_until).toBeNull())
    })
  })
})
