/** What is refused because nothing could be held or charged for it, or because it is the operator's. */
import { describe, expect, test } from "bun:test"
import { findRefusal } from "../../../../src/gateway/protocol/openai-responses/refusals.ts"

const request = { model: "gpt-5.5", input: "hi" }
const fieldOf = (body: object) => findRefusal({ ...request, ...body })?.field
const inContent = (part: object) => ({ input: [{ role: "user", content: [part] }] })

describe("the operator's stored objects are refused by name", () => {
  test.each([
    [{ prompt: { id: "pmpt_1" } }, "prompt"],
    [{ input: [{ type: "item_reference", id: "msg_1" }] }, "input[0]"],
    [inContent({ type: "input_file", file_id: "file_1" }), "input[0].content[0].file_id"],
    [inContent({ type: "input_audio", input_audio: { data: "", format: "wav" } }), "input[0].content[0]"],
    [inContent({ type: "input_image", file_id: "file_1" }), "input[0].content[0].file_id"],
    [
      inContent({ type: "input_file", file_url: "https://example.com/a.pdf" }),
      "input[0].content[0].file_url",
    ],
    [
      { input: [{ type: "function_call_output", output: [{ type: "input_file", file_id: "f" }] }] },
      "input[0].output[0].file_id",
    ],
  ])("%j names %s", (body, field) => {
    expect(fieldOf(body)).toBe(field)
  })
})

describe("hosted tools", () => {
  test.each(["file_search", "code_interpreter", "image_generation", "computer_use_preview", "mcp"])(
    "%s has no price and is refused",
    type => expect(fieldOf({ tools: [{ type: "function", name: "f" }, { type }] })).toBe("tools[1].type"),
  )

  test.each([
    "function",
    "custom",
    "namespace",
    "tool_search",
    "web_search",
    "web_search_preview",
    "local_shell",
  ])("%s is admitted", type => expect(fieldOf({ tools: [{ type }] })).toBeUndefined())

  test.each(["container_auto", "container_reference"])("a shell in a %s is rented, and refused", type => {
    expect(fieldOf({ tools: [{ type: "shell", environment: { type } }] })).toBe("tools[0].type")
  })

  test.each([undefined, { type: "local" }])("a shell of the client's own (%j) costs nothing", environment => {
    expect(fieldOf({ tools: [{ type: "shell", environment }] })).toBeUndefined()
  })
})
