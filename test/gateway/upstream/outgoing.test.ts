/** What an upstream is sent: the client's own bytes without what is no part of the protocol, or a translation. */
import { describe, expect, test } from "bun:test"
import { DOORS, type Door } from "../../../src/gateway/door.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { wrapSealed } from "../../../src/gateway/protocol/sealed.ts"
import { type Outgoing, type Wanted, writeOutgoing } from "../../../src/gateway/upstream/outgoing.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { askedOf, modelOf } from "../../support/asked.ts"
import { routeOf } from "../../support/target.ts"

function write(door: Door, protocol: Protocol, text: string, wanted: Partial<Wanted> = {}): Outgoing {
  const route = routeOf({ protocol })
  const asked = askedOf(door, text)
  const { is_streamed } = asked.admitted
  const model = modelOf(route)
  const outgoing = writeOutgoing({ door, asked, model, route, is_streamed, is_plain: false, ...wanted })
  if (outgoing instanceof AppError) throw outgoing
  return outgoing
}

const chat = (members: string) => `{"model":"m", "messages":[{"role":"user","content":"hi"}]${members}}`
const messages = (members: string) =>
  `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]${members}}`

describe("a body of the upstream's own protocol", () => {
  test("passes to the letter, odd spaces and long numbers too", () => {
    const text = chat(',\n "seed" : 12345678901234567890, "stop":["\\u00fc ü"]')
    expect(write(DOORS.chat, "openai-chat", text)).toMatchObject({
      text,
      is_passed: true,
      is_tier_sent: true,
      notes: [],
    })
  })

  test.each(["models", "plugins", "web_search_options", "preset", "fallbacks", "provider"])(
    "loses %s, which could choose another model, route or tool, and says so",
    key => {
      const outgoing = write(DOORS.chat, "openai-chat", chat(`,"${key}":{},"seed":1.0`))
      expect(outgoing.text).toBe(chat(',"seed":1.0'))
      expect(outgoing.notes).toEqual([`${key} was left out: it is no part of this protocol`])
    },
  )

  test.each([
    ["letters that no header takes", '"漢字":1'],
    ["a line break", '"a\\nb":1'],
    ["no end", `"${"k".repeat(200_000)}":1`],
  ])("loses a member whose name has %s without a word", (_, member) => {
    const outgoing = write(DOORS.messages, "anthropic-messages", messages(`,${member}`))
    expect(outgoing).toMatchObject({ text: messages(""), notes: [] })
  })

  test("says only so much of what it loses", () => {
    const members = Array.from({ length: 200 }, (_, index) => `,"k${index}":1`).join("")
    const { notes, text } = write(DOORS.chat, "openai-chat", chat(members))
    expect(text).toBe(chat(""))
    expect(notes).toHaveLength(8)
  })

  test("gets the upstream's name of the model, and whether it streams", () => {
    const route = { ...routeOf({ protocol: "openai-chat" }), upstream_model: "vendor/m" }
    const { text } = write(DOORS.chat, "openai-chat", chat(""), { route, is_streamed: true })
    expect(JSON.parse(text)).toEqual({
      ...JSON.parse(chat("")),
      model: "vendor/m",
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  test("loses reasoning that another upstream sealed, and not one digit beside it", () => {
    const signature = wrapSealed({ origin: "other", blob: "secret" })
    const thinking = `{"type":"thinking","thinking":"t","signature":"${signature}"}`
    const call = '{"type":"tool_use","id":"a","name":"f","input":{"n":12345678901234567890}}'
    const result = '{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}'
    const text = `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[${thinking},${call}]},${result}]}`
    const sent = write(DOORS.messages, "anthropic-messages", text).text
    expect(sent).not.toContain("thinking")
    expect(sent).toContain(call)
  })
})

describe("a body of another protocol", () => {
  test("is translated, and tells what the upstream did not hear", () => {
    const outgoing = write(DOORS.messages, "openai-chat", messages(',"service_tier":"priority"'))
    expect(outgoing.is_passed).toBe(false)
    expect(JSON.parse(outgoing.text)).toMatchObject({ model: "m", messages: [{ role: "user" }] })
  })

  test("that the upstream cannot carry is refused naming the field", () => {
    const text = chat(',"logprobs":true')
    const refused = () => write(DOORS.chat, "anthropic-messages", text)
    expect(refused).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ field: "logprobs" }) }),
    )
  })
})
