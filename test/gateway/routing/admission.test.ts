/** Places at upstreams: who waits, who goes first, who is turned away, and that no place is ever lost. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { createAdmission, type Release } from "../../../src/gateway/routing/admission.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { createTestClock } from "../../support/clock.ts"
import { checkPropertyAsync } from "../../support/property.ts"

const LONGEST_QUEUE = 256
const LONGEST_WAIT_MS = 10_000

function stage(max_concurrency: number | null = 1) {
  const clock = createTestClock()
  const admission = createAdmission(clock)
  const upstream = { id: "up", max_concurrency }
  /** What became of the calls, in order. */
  const log: string[] = []
  const releases = new Map<string, Release>()
  function ask(name: string, { is_vip = false, max = upstream.max_concurrency } = {}) {
    const controller = new AbortController()
    const asked = admission.admit(
      { ...upstream, max_concurrency: max },
      { is_vip, signal: controller.signal },
    )
    asked.then(
      release => {
        releases.set(name, release)
        log.push(`${name} in`)
      },
      error => log.push(`${name} ${error === CLIENT_LEFT ? "left" : error.detail.code}`),
    )
    return controller
  }
  return { clock, admission, upstream, log, ask, release: (name: string) => releases.get(name)!() }
}

/** Why a test's client is gone. */
const CLIENT_LEFT = new Error("the client left")

/** Lets every promise that is settled be heard of. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

describe("an upstream without a limit", () => {
  test("takes everyone, at once and without any bookkeeping", async () => {
    const { clock, admission } = stage()
    const signal = new AbortController().signal
    const first = admission.admit({ id: "up" }, { is_vip: false, signal })
    expect(admission.admit({ id: "up", max_concurrency: null }, { is_vip: true, signal })).toBe(first)
    expect(clock.timer_count()).toBe(0)
    const release = await first
    release()
    release()
    expect(admission.isFull({ id: "up" })).toBe(false)
  })
})

describe("an upstream with a limit", () => {
  test("takes as many as it may and lets the next in when one leaves", async () => {
    const { log, ask, release, admission, upstream } = stage(2)
    for (const name of ["a", "b", "c", "d"]) ask(name)
    await settle()
    expect(log).toEqual(["a in", "b in"])
    expect(admission.isFull(upstream)).toBe(true)
    release("a")
    await settle()
    expect(log).toEqual(["a in", "b in", "c in"])
  })

  test("counts for itself alone", async () => {
    const { admission, ask } = stage(1)
    ask("a")
    expect(admission.isFull({ id: "other", max_concurrency: 1 })).toBe(false)
  })

  test("a place that is given back twice is one place", async () => {
    const { log, ask, release } = stage(1)
    for (const name of ["a", "b", "c"]) ask(name)
    await settle()
    release("a")
    release("a")
    await settle()
    expect(log).toEqual(["a in", "b in"])
  })

  test("VIPs go first, then the order of arrival", async () => {
    const { log, ask, release } = stage(1)
    ask("a")
    for (const name of ["b", "c"]) ask(name)
    for (const name of ["v", "w"]) ask(name, { is_vip: true })
    for (const name of ["a", "v", "w", "b"]) {
      await settle()
      release(name)
    }
    await settle()
    expect(log).toEqual(["a in", "v in", "w in", "b in", "c in"])
  })

  test("nobody jumps the queue while somebody waits", async () => {
    const { log, ask } = stage(1)
    for (const name of ["a", "b"]) ask(name)
    // The operator raised the limit: the one who waits is first.
    ask("c", { max: 2 })
    await settle()
    expect(log).toEqual(["a in", "b in"])
  })

  test("a limit that is taken away lets everyone in", async () => {
    const { log, ask, clock } = stage(1)
    for (const name of ["a", "b", "c"]) ask(name)
    ask("d", { max: null })
    await settle()
    expect(log.toSorted()).toEqual(["a in", "b in", "c in", "d in"])
    expect(clock.timer_count()).toBe(0)
  })

  test("a limit that is lowered is kept to as calls end", async () => {
    const { log, ask, release } = stage(2)
    for (const name of ["a", "b"]) ask(name)
    ask("c", { max: 1 })
    await settle()
    release("a")
    await settle()
    expect(log).toEqual(["a in", "b in"])
    release("b")
    await settle()
    expect(log).toEqual(["a in", "b in", "c in"])
  })
})

describe("who waits", () => {
  test("is turned away after ten seconds, with the time after which to ask again", async () => {
    const { clock, admission, upstream, ask } = stage(1)
    ask("a")
    const asked = admission.admit(upstream, { is_vip: true, signal: new AbortController().signal })
    clock.advance(LONGEST_WAIT_MS)
    const error = await asked.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({
      reason: "rate_limited",
      detail: { code: "upstream_saturated", retry_after_ms: 2_000 },
    })
  })

  test("is served before that however many VIPs come, or is turned away: nobody waits longer", async () => {
    const { clock, log, ask, release } = stage(1)
    ask("v0", { is_vip: true })
    ask("plain")
    for (let second = 0; second < 10; second++) {
      ask(`v${second + 1}`, { is_vip: true })
      await settle()
      release(`v${second}`)
      clock.advance(1_000)
    }
    await settle()
    expect(log).toContain("plain upstream_saturated")
    expect(log).toContain("v10 in")
  })

  test("leaves with the client, and the place goes to the next", async () => {
    const { log, ask, release, clock } = stage(1)
    ask("a")
    const b = ask("b")
    ask("c")
    await settle()
    b.abort(CLIENT_LEFT)
    release("a")
    await settle()
    expect(log).toEqual(["a in", "b left", "c in"])
    expect(clock.timer_count()).toBe(0)
  })

  test("has left already when the client was gone before", async () => {
    const { admission, upstream } = stage(1)
    const signal = AbortSignal.abort(CLIENT_LEFT)
    const error = await admission
      .admit(upstream, { is_vip: false, signal })
      .catch((thrown: unknown) => thrown)
    expect(error).toBe(CLIENT_LEFT)
    expect(admission.isFull(upstream)).toBe(false)
  })

  test("a client that leaves after it was let in keeps its place until that is given back", async () => {
    const { log, ask, release, admission, upstream } = stage(1)
    ask("a")
    const b = ask("b")
    await settle()
    release("a")
    b.abort(CLIENT_LEFT)
    await settle()
    expect(log).toEqual(["a in", "b in"])
    expect(admission.isFull(upstream)).toBe(true)
  })
})

test("nobody listens to a client any more once its call was let in", async () => {
  const { admission, upstream, ask, release } = stage(1)
  ask("a")
  await settle()
  const { signal } = new AbortController()
  const listening = new Set<unknown>()
  const watched = Object.assign(signal, {
    addEventListener: (_: string, listener: unknown) => void listening.add(listener),
    removeEventListener: (_: string, listener: unknown) => void listening.delete(listener),
  })
  const asked = admission.admit(upstream, { is_vip: false, signal: watched })
  expect(listening.size).toBe(1)
  release("a")
  await asked
  expect(listening.size).toBe(0)
})

describe("a full queue", () => {
  const fill = ({ ask }: ReturnType<typeof stage>, is_vip: boolean) => {
    ask("a")
    for (let number = 1; number <= LONGEST_QUEUE; number++) ask(`w${number}`, { is_vip })
  }

  test("turns the next away at once", async () => {
    const all = stage(1)
    fill(all, false)
    all.ask("late")
    await settle()
    expect(all.log).toEqual(["a in", "late upstream_saturated"])
  })

  test("gives a VIP the place of the one who came last", async () => {
    const all = stage(1)
    fill(all, false)
    all.ask("v", { is_vip: true })
    await settle()
    expect(all.log).toEqual(["a in", `w${LONGEST_QUEUE} upstream_saturated`])
    all.release("a")
    await settle()
    expect(all.log.at(-1)).toBe("v in")
  })

  test("of VIPs turns a VIP away", async () => {
    const all = stage(1)
    fill(all, true)
    all.ask("v", { is_vip: true })
    await settle()
    expect(all.log).toEqual(["a in", "v upstream_saturated"])
  })
})

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ is_vip: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ release: fc.nat() }) },
  fc.record({ abort: fc.nat() }),
  fc.record({ wait_ms: fc.nat(6_000) }),
)
type Step = { is_vip: boolean } | { release: number } | { abort: number } | { wait_ms: number }

interface Call {
  is_vip: boolean
  controller: AbortController
  state: "waiting" | "in" | "out"
  release: Release
}

/** Asks as in real life; the call's state follows what becomes of it. */
function ask(admission: ReturnType<typeof createAdmission>, max: number, is_vip: boolean): Call {
  const controller = new AbortController()
  const call: Call = { is_vip, controller, state: "waiting", release: () => {} }
  const asked = admission.admit({ id: "up", max_concurrency: max }, { is_vip, signal: controller.signal })
  asked.then(
    release => Object.assign(call, { state: "in", release }),
    () => Object.assign(call, { state: "out" }),
  )
  return call
}

const pick = <T>(list: readonly T[], number: number): T | undefined => list[number % (list.length || 1)]

test("law: under any order of arrivals, ends, leaving and waiting no place is lost and none is given twice", async () => {
  const values = fc.record({ max: fc.integer({ min: 1, max: 4 }), steps: fc.array(step, { maxLength: 80 }) })
  await checkPropertyAsync(import.meta.path, values, async ({ max, steps }) => {
    const clock = createTestClock()
    const admission = createAdmission(clock)
    const calls: Call[] = []
    const of = (state: Call["state"]) => calls.filter(call => call.state === state)
    for (const one of steps as Step[]) {
      if ("is_vip" in one) calls.push(ask(admission, max, one.is_vip))
      else if ("release" in one) finish(pick(of("in"), one.release))
      else if ("abort" in one) pick(calls, one.abort)?.controller.abort()
      else clock.advance(one.wait_ms)
      await settle()
      expect(of("in").length).toBeLessThanOrEqual(max)
      // Nobody waits beside a free place, and timers are only those of who waits.
      if (of("waiting").length > 0) expect(of("in").length).toBe(max)
      expect(clock.timer_count()).toBe(of("waiting").length)
    }
    while (of("in").length > 0) {
      finish(of("in")[0])
      await settle()
    }
    expect(of("waiting")).toEqual([])
    const fresh = Array.from({ length: max }, () => ask(admission, max, false))
    await settle()
    expect(fresh.map(call => call.state)).toEqual(fresh.map(() => "in"))
  })
})

/** Gives a place back, twice: the second time does nothing. */
function finish(call: Call | undefined): void {
  if (!call) return
  call.state = "out"
  call.release()
  call.release()
}
