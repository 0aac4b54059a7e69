/** The whole answer of a stream is recorded before the client gets its end. */
import { describe, expect, test } from "bun:test"
import { keepAnswer, parseObject } from "../../src/gateway/keep-answer.ts"
import type { Outlet } from "../../src/gateway/outlet.ts"
import type { ClientProtocol } from "../../src/gateway/protocol/codecs.ts"
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import { chunk, streamOf } from "../support/chat-streams.ts"
import { textTurn } from "../support/responses-turns.ts"

function open(protocol: ClientProtocol, shown: Partial<Outlet> = {}) {
  const recorded: JsonObject[] = []
  const outlet: Outlet = {
    write: ({ bytes }) => bytes,
    fail: () => new Uint8Array(),
    keepalive: () => new Uint8Array(),
    ...shown,
  }
  const kept = keepAnswer(outlet, { record: async answer => void recorded.push(answer) }, protocol)
  const write = (text: string) => kept.write({ bytes: Buffer.from(text), text })
  return { outlet, kept, recorded, write }
}

describe("an answer", () => {
  test("is recorded whole when its end is in the books, not before", async () => {
    const { kept, recorded, write } = open("openai-responses")
    for (const frame of textTurn("hellö", { input: 1, output: 2 })) write(frame)
    expect(recorded).toEqual([])
    await kept.afterEnd!()
    expect(recorded).toHaveLength(1)
    expect(recorded[0]).toMatchObject({ object: "response", status: "completed" })
    expect(JSON.stringify(recorded[0])).toContain("hellö")
  })

  test("of a Chat stream is put together from its chunks", async () => {
    const { kept, recorded, write } = open("openai-chat")
    write(streamOf(chunk({ role: "assistant", content: "he" })))
    write(streamOf(chunk({ content: "llo" }), chunk({}, "stop"), "[DONE]"))
    await kept.afterEnd!()
    expect(recorded).toMatchObject([{ choices: [{ message: { content: "hello" }, finish_reason: "stop" }] }])
  })

  test("is what the client sees, not what the upstream said", async () => {
    const frames = textTurn("shown", { input: 1, output: 2 }).join("")
    const { kept, recorded, write } = open("openai-responses", { write: () => Buffer.from(frames) })
    write("something else")
    await kept.afterEnd!()
    expect(JSON.stringify(recorded)).toContain("shown")
  })

  test("that never was is not recorded, and whoever follows is asked all the same", async () => {
    let was_asked = false
    const { kept, recorded, write } = open("openai-responses", {
      async afterEnd() {
        was_asked = true
      },
    })
    write("data: nonsense\n\n")
    await kept.afterEnd!()
    expect([recorded, was_asked]).toEqual([[], true])
  })

  test("that is larger than any is not kept", async () => {
    const { kept, recorded } = open("openai-chat")
    const bytes = Buffer.from(streamOf(chunk({ content: "x".repeat(1024 * 1024) })))
    for (let count = 0; count < 66; count++) kept.write({ bytes, text: "" })
    kept.write({ bytes: Buffer.from(streamOf(chunk({}, "stop"), "[DONE]")), text: "" })
    await kept.afterEnd!()
    expect(recorded).toEqual([])
  })

  test("of the old completions is none to store", () => {
    const { outlet, kept } = open("openai-completions")
    expect(kept).toBe(outlet)
  })
})

test.each([[undefined], [""], ["{"], ["[1]"], ["null"]])("%p is no object", text => {
  expect(parseObject(text)).toBeUndefined()
})
