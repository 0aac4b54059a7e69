/** The machine's clock. */
import { expect, test } from "bun:test"
import { systemClock } from "../../src/platform/clock.ts"

test("it tells the machine's time", () => {
  const before = Date.now()
  expect(systemClock.now()).toBeWithin(before, Date.now() + 1)
})

test("a timer fires once, a cancelled one does not", async () => {
  const fired: string[] = []
  systemClock.after(1, () => fired.push("cancelled"))()
  await new Promise<void>(resolve => {
    systemClock.after(2, () => {
      fired.push("fired")
      resolve()
    })
  })
  expect(fired).toEqual(["fired"])
})
