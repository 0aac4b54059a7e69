/** Reading a Chat stream from the side: how far it is and what it used, however its events are batched. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { sniffAnswer, startSniffing } from "../../../../src/gateway/protocol/openai-chat/sniff.ts"
import { isTerminal, type Sniffed } from "../../../../src/gateway/protocol/sniffed.ts"
import { arbitraryAnswer } from "../../../support/arbitrary-model.ts"
import { chunk, chunksOf, readChat, streamOf, writeChat } from "../../../support/chat-streams.ts"
import { checkProperty } from "../../../support/property.ts"

const USAGE = {
  prompt_tokens: 1_250,
  completion_tokens: 300,
  prompt_tokens_details: { cached_tokens: 1_000 },
  completion_tokens_details: { reasoning_tokens: 200 },
}
const COUNTS = { input_tokens: 250, cache_read_tokens: 1_000, output_tokens: 300, reasoning_tokens: 200 }

const latin1 = (text: string) => Buffer.from(text).toString("latin1")
const role = chunk({ role: "assistant", content: "" })
const hi = chunk({ content: "hi" })
const stop = chunk({}, "stop")
const report = { id: "c1", choices: [], usage: USAGE }

function sniff(...data: (object | string)[]): Sniffed {
  const sniffer = startSniffing()
  sniffer.note(latin1(streamOf(...data)))
  return sniffer.sniffed
}

describe("phases", () => {
  test.each([
    ["nothing", []],
    ["a role", [role]],
    ["empty choices", [{ choices: [], prompt_filter_results: [] }]],
    ["null content", [chunk({ content: null, tool_calls: null, reasoning_content: "" })]],
  ])("%s is prelude", (_name, data) => {
    expect(sniff(...data)).toMatchObject({ phase: "prelude", output_bytes: 0 })
  })

  test.each([
    ["text", { content: "hi" }, 2],
    ["text beyond ASCII, in bytes", { content: "é🜚" }, 6],
    ["thinking", { reasoning_content: "hm" }, 2],
    ["thinking under both names counts once", { reasoning: "hm", reasoning_content: "hm" }, 2],
    [
      "details of a thinking that is said count no more",
      { reasoning: "hm", reasoning_details: [{ text: "hm" }] },
      2,
    ],
    ["details alone", { reasoning_details: [{ text: "hm" }] }, 2],
    ["a refusal", { refusal: "No" }, 2],
    ["a call's name", { tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "" } }] }, 0],
    ["arguments", { tool_calls: [{ index: 0, function: { arguments: "{}" } }] }, 2],
    ["custom input", { tool_calls: [{ index: 0, custom: { input: "abc" } }] }, 3],
    ["a legacy call", { function_call: { name: "f", arguments: "" } }, 0],
    [
      "a source's page is not output",
      { content: "a", annotations: [{ url_citation: { content: "page" } }] },
      1,
    ],
  ])("%s is output", (_name, delta, output_bytes) => {
    expect(sniff(role, chunk(delta))).toMatchObject({ phase: "output", output_bytes })
  })

  test.each([
    ["stop", "completed"],
    ["tool_calls", "completed"],
    ["length", "incomplete"],
    ["content_filter", "incomplete"],
    ["error", "failed"],
  ])("finish_reason %s with [DONE] is %s", (reason, phase) => {
    expect(sniff(hi, chunk({}, reason), "[DONE]").phase).toBe(phase as Sniffed["phase"])
  })

  test("text that looks like the wire is text", () => {
    const words = '"finish_reason":"stop" "usage":{ "error":{ data: [DONE]'
    expect(sniff(chunk({ content: words }))).toMatchObject({ phase: "output", reported: undefined })
  })

  test("usage is read before, in and behind the finish chunk; null is no report", () => {
    for (const data of [[{ ...hi, usage: USAGE }, stop], [{ ...stop, usage: USAGE }], [stop, report]]) {
      expect(sniff(...data, { choices: [], usage: null }, "[DONE]").reported?.usage).toMatchObject(COUNTS)
    }
    expect(sniff(stop, "[DONE]").reported).toBeUndefined()
  })

  test("the tier that was served", () => {
    expect(sniff({ ...stop, service_tier: "priority" }, "[DONE]").tier_served).toBe("priority")
  })

  test("an error chunk ends the stream as failed, whatever follows", () => {
    const error = { error: { message: "m", type: "t", code: "c" } }
    expect(sniff(hi, error, hi, stop, "[DONE]")).toMatchObject({
      phase: "failed",
      failure: { code: "c", message: "m" },
      output_bytes: 2,
    })
    expect(sniff({ error: "gone" }).failure).toEqual({ code: "server_error", message: "gone" })
    const unsaid = { code: "server_error", message: "The upstream failed without saying why." }
    for (const nonsense of [[{ message: "m" }], 7, true])
      expect(sniff(hi, stop, { error: nonsense }, "[DONE]").failure).toEqual(unsaid)
    for (const nothing of [null, false, "", 0])
      expect(sniff({ ...hi, error: nothing }, stop, "[DONE]").phase).toBe("completed")
  })

  test("[DONE] without a finish_reason is no end of an answer", () => {
    expect(sniff(hi, "[DONE]")).toMatchObject({ phase: "failed", failure: { code: "server_error" } })
  })
})

describe("where the end begins", () => {
  test("at the chunk with the finish_reason, and at 0 from then on", () => {
    const sniffer = startSniffing()
    const before = streamOf(role, hi)
    expect(sniffer.note(before)).toBe(before.length)
    expect(sniffer.note(before + streamOf(stop))).toBe(before.length)
    expect(isTerminal(sniffer.sniffed)).toBe(false)
    expect(sniffer.note(streamOf(report))).toBe(0)
    expect(sniffer.note(streamOf("[DONE]"))).toBe(0)
    expect(sniffer.sniffed).toMatchObject({ phase: "completed", output_bytes: 4 })
    expect(sniffer.finish()).toBe("")
    expect(sniffer.note(before)).toBe(0)
  })

  test("at an error", () => {
    const before = streamOf(role, hi)
    expect(startSniffing().note(before + streamOf({ error: { message: "m" } }, hi))).toBe(before.length)
  })

  test("a stream without [DONE] is complete when it is over, and gets the end that was left out", () => {
    const sniffer = startSniffing()
    sniffer.note(streamOf(hi, stop, report))
    expect(isTerminal(sniffer.sniffed)).toBe(false)
    expect(sniffer.finish()).toBe("data: [DONE]\n\n")
    expect(sniffer.sniffed).toMatchObject({ phase: "completed", reported: { usage: COUNTS } })
  })

  test("a stream without finish_reason is not", () => {
    const sniffer = startSniffing()
    sniffer.note(streamOf(hi))
    expect(sniffer.finish()).toBe("")
    expect(sniffer.sniffed.phase).toBe("output")
  })
})

describe("any stream", () => {
  const notAll = (events: string[], split: number) => [events.slice(0, split), events.slice(split)]

  test("law 1: any batching of events, with any line ends and comments, comes to the same", () => {
    checkProperty(
      import.meta.path,
      fc.tuple(arbitraryAnswer, fc.nat(30), fc.boolean()),
      ([answer, split, has_cr]) => {
        const text = `: ping\n\n${latin1(writeChat(answer))}`
        const events = text.split("\n\n").filter(event => event !== "")
        const eol = has_cr ? "\r\n\r\n" : "\n\n"
        const sniffer = startSniffing()
        const [first = [], rest = []] = notAll(events, split)
        for (const batch of [first, ...rest.map(event => [event])]) {
          sniffer.note(batch.map(event => event.replaceAll("\n", has_cr ? "\r\n" : "\n") + eol).join(""))
        }
        const whole = startSniffing()
        const end = whole.note(text)
        // Where the end stands is another place in another batching.
        expect({ ...sniffer.sniffed, end_at: 0 }).toEqual({ ...whole.sniffed, end_at: 0 })
        expect(isTerminal(whole.sniffed)).toBe(true)
        expect(text.slice(end).split("\n\n")[0]).toMatch(/"finish_reason":"/)
        expect(text.slice(0, end)).not.toMatch(/"finish_reason":"/)
      },
    )
  })

  test("counts at least every byte that was said, and what it reports is what the reader reads", () => {
    checkProperty(import.meta.path, arbitraryAnswer, answer => {
      const text = writeChat(answer)
      const sniffer = startSniffing()
      sniffer.note(latin1(text))
      const events = readChat(chunksOf(text))
      const usage = events.find(event => event.type === "usage")
      expect(sniffer.sniffed.reported).toEqual(usage?.reported)
      const said = events.map(event => ("text" in event ? event.text : "")).join("")
      expect(sniffer.sniffed.output_bytes).toBeGreaterThanOrEqual(Buffer.byteLength(said))
    })
  })

  test("nonsense never throws and is prelude", () => {
    checkProperty(import.meta.path, fc.array(fc.jsonValue()), values => {
      expect(sniff(...values.map(value => JSON.stringify(value))).output_bytes).toBeGreaterThanOrEqual(0)
      expect(sniff("{broken", '"finish_reason":"stop"').phase).toBe("prelude")
    })
  })
})

describe("whole answers", () => {
  const answer = (finish_reason: string | null) => ({
    choices: [
      { index: 0, message: { content: "é", tool_calls: [{ function: { arguments: "{}" } }] }, finish_reason },
    ],
    usage: USAGE,
    service_tier: "flex",
  })

  test("are complete or cut, with their usage and tier", () => {
    expect(sniffAnswer(answer("stop"))).toMatchObject({
      phase: "completed",
      output_bytes: 4,
      reported: { usage: COUNTS },
      tier_served: "flex",
    })
    expect(sniffAnswer(answer(null))?.phase).toBe("completed")
    expect(sniffAnswer(answer("length"))?.phase).toBe("incomplete")
  })

  test("an error is one; anything else is neither", () => {
    expect(sniffAnswer({ error: { message: "m", code: "c" } })).toMatchObject({
      phase: "failed",
      failure: { code: "c", message: "m" },
    })
    for (const body of [null, 1, "x", [], {}, { choices: 1 }]) expect(sniffAnswer(body)).toBeUndefined()
  })
})
