/** The test clock: that time moves only when told, and fires what a real clock would. */
import { expect, test } from "bun:test"
import { createTestClock, START_AT } from "./clock.ts"

test("time stands still until it is moved", () => {
  const clock = createTestClock()
  expect(clock.now()).toBe(START_AT)
  clock.advance(250)
  expect(clock.now()).toBe(START_AT + 250)
})

test("timers fire once, in the order of their time, with the clock at that time", () => {
  const clock = createTestClock(0)
  const fired: [string, number][] = []
  clock.after(30, () => fired.push(["late", clock.now()]))
  clock.after(10, () => fired.push(["early", clock.now()]))
  clock.advance(100)
  clock.advance(100)
  expect(fired).toEqual([
    ["early", 10],
    ["late", 30],
  ])
})

test("a timer that a timer sets fires in the same move when it comes due", () => {
  const clock = createTestClock(0)
  const fired: number[] = []
  const again = () => {
    fired.push(clock.now())
    clock.after(10, again)
  }
  clock.after(10, again)
  clock.advance(35)
  expect(fired).toEqual([10, 20, 30])
  expect(clock.timer_count()).toBe(1)
})

test("a cancelled timer does not fire", () => {
  const clock = createTestClock(0)
  const cancel = clock.after(10, () => expect.unreachable())
  cancel()
  clock.advance(20)
  expect(clock.timer_count()).toBe(0)
})
