/** Counts over the last while: what is inside, what has left, and that the ring never mixes rounds. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { createOutcomeWindow } from "../../../src/gateway/routing/outcome-window.ts"
import { checkProperty } from "../../support/property.ts"

const SHAPE = { slot_ms: 10, slot_count: 3 }

test("what was added is counted by kind until its slot has left", () => {
  const window = createOutcomeWindow(SHAPE)
  window.add("answered", 100)
  window.add("answered", 109)
  window.add("cut", 110)
  expect(window.counts(129)).toEqual({ answered: 2, cut: 1 })
  expect(window.counts(130)).toEqual({ cut: 1 })
  expect(window.counts(140)).toEqual({})
})

test("clear forgets everything", () => {
  const window = createOutcomeWindow(SHAPE)
  window.add("error", 5)
  window.clear()
  expect(window.counts(5)).toEqual({})
})

test("law: the counts are those of the additions in the last slots", () => {
  const steps = fc.array(fc.nat(25), { maxLength: 60 })
  checkProperty(import.meta.path, steps, waits => {
    const window = createOutcomeWindow(SHAPE)
    const times: number[] = []
    let now = 1_000
    for (const wait of waits) {
      now += wait
      times.push(now)
      window.add("error", now)
      const oldest = (Math.floor(now / 10) - 2) * 10
      expect(window.counts(now).error).toBe(times.filter(time => time >= oldest).length)
    }
  })
})
