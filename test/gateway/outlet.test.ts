/** What a client sees of an upstream's stream: the same bytes where the protocols are equal, else its own protocol. */
import { describe, expect, test } from "bun:test"
import { DOORS, type Door } from "../../src/gateway/door.ts"
import { openOutlet } from "../../src/gateway/outlet.ts"
import { UPSTREAMS } from "../../src/gateway/protocol/codecs.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import type { Batch } from "../../src/gateway/protocol/sse.ts"
import { AppError } from "../../src/platform/errors.ts"
import { chunk, streamOf } from "../support/chat-streams.ts"
import { routeOf } from "../support/target.ts"

const TEXT = streamOf(chunk({ role: "assistant", content: "hé" }))
const END = streamOf(chunk({}, "stop"), "[DONE]")

function open(door: Door, protocol: Protocol, is_passed: boolean) {
  const route = routeOf({ protocol })
  const passage = UPSTREAMS[protocol].startPassage()
  const outlet = openOutlet({
    door,
    start: { id: door.answerId("req_1"), created_at: 1, model: "m", shows_usage: true },
    connection: { route, passage } as never,
    outgoing: { text: "", is_passed, names: new Map(), is_tier_sent: true, notes: [] },
  })
  const batchOf = (text: string): Batch => {
    const bytes = Buffer.from(text)
    return { bytes, text: bytes.toString("latin1") }
  }
  return {
    outlet,
    write: (text: string) => Buffer.from(outlet.write(batchOf(text))).toString(),
    end: (text: string) => Buffer.from(outlet.write({ ...batchOf(text), is_end: true })).toString(),
  }
}

describe("where the protocols are equal", () => {
  test("the upstream's bytes are the client's", () => {
    const { write, end } = open(DOORS.chat, "openai-chat", true)
    expect([write(TEXT), end(END)]).toEqual([TEXT, END])
  })

  test("but that were asked otherwise, the answer is written anew", () => {
    const { write } = open(DOORS.chat, "openai-chat", false)
    const written = write(TEXT)
    expect(written).not.toBe(TEXT)
    expect(written).toContain("hé")
  })
})

describe("where they differ", () => {
  test("the answer is one of the client's protocol, from its first event to its last", () => {
    const { write, end } = open(DOORS.messages, "openai-chat", false)
    const text = write(TEXT) + end(END)
    const names = text.split("\n").filter(line => line.startsWith("event: "))
    expect(names[0]).toBe("event: message_start")
    expect(names.at(-1)).toBe("event: message_stop")
    expect(text).toContain('"text":"hé"')
  })

  test("what says nothing to the client is no bytes", () => {
    expect(open(DOORS.messages, "openai-chat", false).write(": ping\n\n")).toBe("")
  })
})

test.each([true, false])(
  "an error of ours ends the stream, and says so in the client's words (passed: %p)",
  passed => {
    const { outlet, write } = open(DOORS.chat, "openai-chat", passed)
    write(TEXT)
    const text = Buffer.from(outlet.fail(new AppError("upstream", "It broke."))).toString()
    expect(text).toContain("It broke.")
    expect(Buffer.from(outlet.keepalive()).toString()).toBe(": keepalive\n\n")
  },
)
