/** What of a request is read as tokens: texts to the letter, pictures and files at fixed prices, nothing silent. */
import { describe, expect, test } from "bun:test"
import { measure, measureTools } from "../../../src/gateway/tokens/measure.ts"

const textsOf = (...values: unknown[]) => measure(values).texts
const fixedOf = (...values: unknown[]) => measure(values).fixed_tokens

describe("texts", () => {
  test("of plain strings, parts, calls and results are all there, in order", () => {
    const items = [
      { role: "user", content: "one" },
      { role: "assistant", content: [{ type: "output_text", text: "two" }] },
      { type: "function_call", call_id: "c1", name: "shell", arguments: '{"a":1}' },
      { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "three" }] },
      { type: "reasoning", summary: [{ type: "summary_text", text: "four" }] },
    ]
    expect(textsOf(items)).toEqual(["one", "two", "shell", '{"a":1}', "three", "four"])
  })

  test("of Anthropic's blocks too, with the input of a call as its values", () => {
    const messages = [
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "t1", name: "Read", input: { path: "/a", line: 5 } }],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t1", content: "text", is_error: true }],
      },
      { role: "assistant", content: [{ type: "thinking", thinking: "hm", signature: "AAAA" }] },
    ]
    expect(textsOf(messages)).toEqual(["Read", "/a", "5", "text", "true", "hm"])
  })

  test("are not the names, ids and marks of the protocol", () => {
    const silent = {
      type: "message",
      id: "msg_1",
      role: "user",
      status: "completed",
      call_id: "c",
      detail: "low",
    }
    expect(textsOf([{ ...silent, cache_control: { type: "ephemeral" } }])).toEqual([])
  })

  test("of absent and null values are none", () => {
    expect(measure([undefined, null, [], {}])).toEqual({ texts: [], fixed_tokens: 0 })
  })

  test("deeper than anything that has to be said are not read, and break nothing", () => {
    let nest: unknown = "deep"
    for (let depth = 0; depth < 10_000; depth++) nest = [nest]
    expect(textsOf(nest)).toEqual([])
  })
})

describe("fixed prices", () => {
  test("are those of a picture, whatever its bytes, in the shapes of all three protocols", () => {
    const data = "A".repeat(100_000)
    const pictures = [
      { type: "input_image", image_url: `data:image/png;base64,${data}` },
      { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
      { type: "image", source: { type: "base64", media_type: "image/png", data } },
    ]
    for (const picture of pictures) {
      expect(measure([[{ role: "user", content: [picture] }]])).toEqual({
        texts: [],
        fixed_tokens: 1_600 + 4,
      })
    }
  })

  test("grow with the bytes of a file", () => {
    const small = fixedOf([{ type: "input_file", file_data: "A".repeat(1_200) }])
    const large = fixedOf([{ type: "input_file", file_data: "A".repeat(121_200) }])
    expect(large - small).toBe(10_000)
    expect(small).toBeGreaterThan(1_600)
  })

  test("count sealed thinking by its size, and a frame for each message and item", () => {
    expect(fixedOf([{ type: "reasoning", encrypted_content: "A".repeat(400) }])).toBe(100 + 4)
    expect(
      fixedOf([
        { role: "user", content: "a" },
        { role: "user", content: "b" },
      ]),
    ).toBe(8)
  })
})

test("tools are counted as their JSON; what is no list of tools is nothing", () => {
  const tool = { type: "function", name: "f", parameters: { type: "object" } }
  expect(measureTools(measure([]), [tool]).texts).toEqual([JSON.stringify(tool)])
  for (const tools of [undefined, null, "x", {}]) expect(measureTools(measure([]), tools).texts).toEqual([])
})
