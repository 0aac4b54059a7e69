/** A Responses stream that passes: what the client must see different, and nothing else. */
import { describe, expect, test } from "bun:test"
import { startPassage } from "../../../../src/gateway/protocol/openai-responses/passage.ts"

describe("a wrapping event that must be changed", () => {
  const batchOf = (text: string, is_end?: true) => {
    const bytes = Buffer.from(text)
    return { bytes, text: bytes.toString("latin1"), ...(is_end && { is_end }) }
  }
  const start = { id: "resp_1", created_at: 0, model: "public", is_renamed: true }

  test("with its data on two lines keeps both as data", () => {
    const text =
      'event: response.created\ndata: {"type":"response.created",\ndata: "response":{"model":"up","id":"r"}}\n\n'
    const adapted = Buffer.from(startPassage().adapt(batchOf(text), start)).toString()
    expect(adapted).toBe(text.replace('"up"', '"public"'))
  })

  test("whose response is no object stays as it is", () => {
    const text = 'event: response.completed\ndata: {"type":"response.completed","response":"done"}\n\n'
    expect(Buffer.from(startPassage().adapt(batchOf(text), start)).toString()).toBe(text)
  })

  test.each(['"{"', '["{"]', '[{"response":{"id":"r"}}]'])("whose data is %s stays as it is", data => {
    const created = 'event: response.created\ndata: {"type":"response.created","response":{"model":"up"}}\n\n'
    const text = `${created}event: response.in_progress\ndata: ${data}\n\n`
    const adapted = Buffer.from(startPassage().adapt(batchOf(text), start)).toString()
    expect(adapted).toBe(text.replace('"up"', '"public"'))
  })

  test("that is cut stays as it is", () => {
    const text = 'event: response.created\ndata: {"type":"response.created","response":{"id":"r"\n\n'
    expect(Buffer.from(startPassage().adapt(batchOf(text), start)).toString()).toBe(text)
  })

  test("for the Codex CLI is completed only where the answer ends as incomplete", () => {
    const passage = startPassage()
    const early = 'event: response.incomplete\ndata: {"type":"response.incomplete","response":\n\n'
    const end = 'event: response.incomplete\ndata: {"type":"response.incomplete","response":{"id":"r"}}\n\n'
    passage.note(early + end)
    const codex = { id: "resp_1", created_at: 0, model: "m", is_codex: true }
    expect(Buffer.from(passage.adapt(batchOf(early), codex)).toString()).toBe(early)
    expect(Buffer.from(passage.adapt(batchOf(end, true), codex)).toString()).toContain(
      "event: response.completed",
    )
  })
})
