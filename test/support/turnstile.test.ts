/** Tests of the turnstile: never more at once than it has places, and nobody is forgotten. */
import { expect, test } from "bun:test"
import { turn } from "./turns.ts"
import { openTurnstile } from "./turnstile.ts"

test("lets two of five run at once, all of them run, and one that fails gives its place back", async () => {
  const pass = openTurnstile(2)
  let running = 0
  let most = 0
  const work = async (index: number) => {
    running++
    most = Math.max(most, running)
    await turn()
    running--
    if (index === 1) throw new Error("this one fails")
    return index
  }
  const ends = await Promise.allSettled([0, 1, 2, 3, 4].map(index => pass(() => work(index))))
  expect(ends.map(end => end.status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ])
  expect([most, running]).toEqual([2, 0])
})
