/** Overlapping blocks in line. */
import { expect, test } from "bun:test"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type { Line } from "../../../src/gateway/protocol/open-blocks.ts"
import { EMPTY_LINE, leave, speak } from "../../../src/gateway/protocol/open-blocks.ts"

const say = (text: string): ModelEvent[] => [{ type: "text-delta", text }]

/** Runs `a:text` (a says text) and `a.` (a leaves) and gives what was sent by each step. */
function run(...steps: string[]): string[] {
  let line: Line = EMPTY_LINE
  return steps.map(step => {
    const key = step[0]!
    const [next, events] = step[1] === "." ? leave(line, key) : speak(line, key, say(step.slice(2)))
    line = next
    return events.map(event => ("text" in event ? event.text : "")).join("")
  })
}

test("a block alone is never held back", () => {
  expect(run("a:1", "a:2", "a.", "b:3", "b.")).toEqual(["1", "2", "", "3", ""])
})

test("a second block waits until the first has left, then speaks at once", () => {
  expect(run("a:1", "b:x", "a:2", "b:y", "a.", "b:z")).toEqual(["1", "", "2", "", "xy", "z"])
})

test("blocks that left while waiting are sent whole and in the order of their opening", () => {
  expect(run("a:1", "b:x", "c:p", "c.", "b:y", "b.", "a.")).toEqual(["1", "", "", "", "", "", "xyp"])
})

test("the next open block goes on after those that left", () => {
  expect(run("a:1", "b:x", "b.", "c:p", "a.", "c:q")).toEqual(["1", "", "", "", "xp", "q"])
})
