/** What is held around the folds of a protocol: their state, and that they have ended. */
import { describe, expect, test } from "bun:test"
import { UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import { readerOf, textOf, validatorOf } from "../../../src/gateway/protocol/folds.ts"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"

describe("a reader", () => {
  const text = (words: string): ModelEvent => ({ type: "text-delta", text: words })
  const start = () =>
    readerOf(
      0,
      (count, wire): [number, ModelEvent[]] => [count + 1, [text(`${count}:${wire}`)]],
      count => [text(`end ${count}`)],
    )

  test("goes on where it stands", () => {
    const reader = start()
    expect([...reader.read("a"), ...reader.read("b"), ...reader.end()]).toEqual([
      text("0:a"),
      text("1:b"),
      text("end 2"),
    ])
  })

  test("says nothing after its end, neither more of the answer nor its end again", () => {
    const reader = start()
    reader.end()
    expect([...reader.read("late"), ...reader.end()]).toEqual([])
  })

  for (const [protocol, upstream] of Object.entries(UPSTREAMS)) {
    test(`of ${protocol} fails once when the upstream says nothing at all`, () => {
      const reader = upstream.startReading()
      expect(reader.end().filter(event => event.type === "answer-failed")).toHaveLength(1)
      expect(reader.end()).toEqual([])
    })
  }
})

test("a validator notes every event with its name and judges at the end", () => {
  const validator = validatorOf<readonly string[]>(
    [],
    (noted, name, data) => [...noted, `${name}=${data}`],
    noted => noted,
  )
  validator.note("a", 1)
  validator.note(undefined, 2)
  expect(validator.end()).toEqual(["a=1", "undefined=2"])
})

test("one event, several and none are joined in order", () => {
  const written = (...events: number[]) => textOf(events, event => `<${event}>`)
  expect([written(1), written(1, 2), written()]).toEqual(["<1>", "<1><2>", ""])
})
