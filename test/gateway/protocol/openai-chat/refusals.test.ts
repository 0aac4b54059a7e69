/** What a well-formed Chat request may ask and is not offered. */
import { expect, test } from "bun:test"
import { findRefusal } from "../../../../src/gateway/protocol/openai-chat/refusals.ts"

const file = (members: object) => ({
  role: "user",
  content: [{ type: "text" }, { type: "file", file: members }],
})

test.each([
  ["n", { n: 2 }],
  ["n", { n: 128 }],
  ["modalities", { modalities: ["text", "audio"] }],
  ["audio", { audio: { voice: "alloy", format: "wav" } }],
  ["messages[0].content[1]", { messages: [{ content: [{ type: "text" }, { type: "input_audio" }] }] }],
  ["tools[1].type", { tools: [{ type: "function" }, { type: "web_search" }] }],
  ["messages[1].content[1].file.file_id", { messages: [{ content: "x" }, file({ file_id: "file-1" })] }],
])("%s", (field, body) => {
  expect(findRefusal(body)).toMatchObject({ field })
})

test.each([
  [{}],
  [{ n: 1, modalities: ["text"], audio: null }],
  [{ tools: [{ type: "function" }, { type: "custom" }, { function: {} }, null], messages: "x" }],
  [{ tools: "x", messages: [null, { content: [null, { file: null }] }, file({ file_data: "data:," })] }],
])("%j is served", body => {
  expect(findRefusal(body)).toBeUndefined()
})
