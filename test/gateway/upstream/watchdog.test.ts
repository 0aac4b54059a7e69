/** Noticing silence on many things with one timer. */
import { expect, test } from "bun:test"
import { createWatch } from "../../../src/gateway/upstream/watchdog.ts"
import { createTestClock } from "../../support/clock.ts"

const LIMIT_MS = 10_000

function open() {
  const clock = createTestClock()
  const watch = createWatch(clock)
  const start_at = clock.now()
  const silent: [string, number][] = []
  return {
    clock,
    watch,
    silent,
    start: (name: string, limit_ms = LIMIT_MS) =>
      watch.start(limit_ms, () => silent.push([name, clock.now() - start_at])),
  }
}

test("it calls once, when the limit has passed without a touch", () => {
  const { clock, silent, start } = open()
  start("a")
  clock.advance(LIMIT_MS - 1)
  expect(silent).toEqual([])
  clock.advance(60_000)
  expect(silent).toEqual([["a", LIMIT_MS]])
})

test("it is never early and at most a second late, wherever the touch falls", () => {
  for (const touched_at of [1, 499, 999, 1_001, 7_777]) {
    const { clock, silent, start } = open()
    const watchdog = start("a")
    clock.advance(touched_at)
    watchdog.touch()
    clock.advance(60_000)
    expect(silent).toHaveLength(1)
    expect(silent[0]![1] - touched_at).toBeWithin(LIMIT_MS, LIMIT_MS + 1_001)
  }
})

test("each touch starts the time anew", () => {
  const { clock, silent, start } = open()
  const watchdog = start("a")
  for (let count = 0; count < 5; count++) {
    clock.advance(9_000)
    watchdog.touch()
  }
  expect(silent).toEqual([])
})

test("stopped, it does not call", () => {
  const { clock, silent, start } = open()
  const watchdog = start("a")
  start("b")
  clock.advance(5_000)
  watchdog.stop()
  clock.advance(60_000)
  expect(silent).toEqual([["b", LIMIT_MS]])
})

test("a thousand are watched with one timer, each with its own limit", () => {
  const { clock, silent, start } = open()
  for (let number = 1; number <= 1_000; number++) start(`${number}`, number * 1_000)
  expect(clock.timer_count()).toBe(1)
  clock.advance(3_000)
  expect(silent).toEqual([
    ["1", 1_000],
    ["2", 2_000],
    ["3", 3_000],
  ])
  expect(clock.timer_count()).toBe(1)
})

test("when nothing is watched any more the timer ends, and starts again with the next", () => {
  const { clock, silent, start } = open()
  start("a").stop()
  clock.advance(1_000)
  expect(clock.timer_count()).toBe(0)
  clock.advance(500_000)
  start("b")
  clock.advance(LIMIT_MS)
  expect(silent).toEqual([["b", 501_000 + LIMIT_MS]])
})

test("one that is watched again from its own call goes on", () => {
  const { clock, watch } = open()
  const calls: number[] = []
  const start_at = clock.now()
  const again = () => {
    calls.push(clock.now() - start_at)
    watch.start(LIMIT_MS, again)
  }
  watch.start(LIMIT_MS, again)
  clock.advance(35_000)
  expect(calls).toEqual([10_000, 20_000, 30_000])
})
