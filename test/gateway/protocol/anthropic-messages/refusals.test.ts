/** What is refused before money is held: no price, another account's objects, no size. */
import { describe, expect, test } from "bun:test"
import {
  findRefusal,
  findUnpricedTool,
} from "../../../../src/gateway/protocol/anthropic-messages/refusals.ts"
import { listRequests } from "../../../support/messages-fixtures.ts"

describe("tools", () => {
  for (const type of ["code_execution_20250825", "web_fetch_20250910", "mcp_toolset", "bash", 5]) {
    test(`${type} has no price`, () => {
      expect(findUnpricedTool({ tools: [{ name: "f" }, { type }] })).toMatchObject({ field: "tools[1].type" })
    })
  }

  for (const type of [
    undefined,
    "custom",
    "web_search_20260209",
    "bash_20250124",
    "text_editor_20250728",
    "computer_20250124",
    "memory_20250818",
  ]) {
    test(`${type} is priced, or run by the client`, () => {
      expect(findUnpricedTool({ tools: [{ type, name: "f" }] })).toBeUndefined()
    })
  }

  test("a body without tools is no problem", () => {
    for (const body of [undefined, {}, { tools: 5 }]) expect(findUnpricedTool(body)).toBeUndefined()
  })
})

describe("others", () => {
  const message = (block: object) => ({ messages: [{ role: "user", content: [block] }] })
  const IMAGE_FILE = { type: "image", source: { type: "file", file_id: "f" } }
  const cases: [object, string][] = [
    [{ mcp_servers: [{}] }, "mcp_servers"],
    [{ container: "c" }, "container"],
    [{ thread: { type: "continue", previous_message_id: "m" } }, "thread.previous_message_id"],
    [{ speed: "fast" }, "speed"],
    [{ inference_geo: "us" }, "inference_geo"],
    [
      message({ type: "image", source: { type: "file", file_id: "f" } }),
      "messages[0].content[0].source.type",
    ],
    [message({ type: "document", source: { type: "url", url: "u" } }), "messages[0].content[0].source.type"],
    [
      message({ type: "tool_result", content: [{ type: "image", source: { type: "file" } }] }),
      "messages[0].content[0].content[0].source.type",
    ],
    [
      message({ type: "document", source: { type: "content", content: [IMAGE_FILE] } }),
      "messages[0].content[0].source.content[0].source.type",
    ],
    [
      message({
        type: "tool_result",
        content: [{ type: "document", source: { type: "content", content: [IMAGE_FILE] } }],
      }),
      "messages[0].content[0].content[0].source.content[0].source.type",
    ],
    [{ system: [{ type: "text", text: "x" }, IMAGE_FILE] }, "system[1].source.type"],
    [message({ type: "container_upload", file_id: "f" }), "messages[0].content[0].type"],
  ]
  for (const [body, field] of cases) {
    test(`${JSON.stringify(body)} names ${field}`, () => {
      expect(findRefusal(body as never)).toMatchObject({ field })
    })
  }

  test("an image by address and plain modes pass", () => {
    expect(findRefusal(message({ type: "image", source: { type: "url", url: "u" } }))).toBeUndefined()
    expect(findRefusal({ speed: "standard", mcp_servers: [], thread: { type: "create" } })).toBeUndefined()
  })

  test("lists and objects without an end are walked to a depth and no further", () => {
    let content: unknown = "x"
    for (let depth = 0; depth < 100_000; depth++) content = [{ content }]
    expect(findRefusal({ messages: [{ role: "user", content }] } as never)).toBeUndefined()
  })

  test("no recorded request is refused", () => {
    expect(listRequests().filter(({ body }) => findRefusal(body) !== undefined)).toEqual([])
  })
})
