/** The whole answer of a stream: cut out of the terminal event to the letter. */
import { expect, test } from "bun:test"
import { wholeAnswer } from "../../../../src/gateway/protocol/openai-responses/whole-answer.ts"

const frame = (type: string, rest: string) => `event: ${type}\ndata: {"type":"${type}",${rest}}\n\n`
const item = (id: string) => frame("response.output_item.done", `"item":{"type":"message","id":"${id}"}`)

test("the response of the terminal event is taken to the letter, digits and spaces included", () => {
  const response = '{ "id":"resp_1", "output":[{"n": 12345678901234567890}], "text":"gr\u00fc\u00df" }'
  const stream =
    frame("response.created", '"response":{"id":"resp_1"}') +
    frame("response.completed", `"response":${response}`)
  expect(wholeAnswer(Buffer.from(stream).toString("latin1"))).toBe(response)
})

test("finished items are put in where the terminal event leaves the output out or empty", () => {
  const without = item("a") + item("b") + frame("response.completed", '"response":{"id":"resp_1"}')
  const empty = item("a") + item("b") + frame("response.completed", '"response":{"id":"resp_1","output":[]}')
  const output = [
    { type: "message", id: "a" },
    { type: "message", id: "b" },
  ]
  expect(JSON.parse(wholeAnswer(without) ?? "")).toEqual({ id: "resp_1", output })
  expect(JSON.parse(wholeAnswer(empty) ?? "")).toEqual({ id: "resp_1", output })
})

test.each(['"done"', '"{"', '["{"]', "null"])("a response that is %s amounts to its finished items", said => {
  const stream = item("a") + frame("response.completed", `"response":${said}`)
  expect(JSON.parse(wholeAnswer(stream) ?? "")).toEqual({ output: [{ type: "message", id: "a" }] })
})

test("an incomplete answer is taken as it is", () => {
  const response = '{"id":"resp_1","status":"incomplete","output":[]}'
  expect(wholeAnswer(frame("response.incomplete", `"response":${response}`))).toBe(response)
})
