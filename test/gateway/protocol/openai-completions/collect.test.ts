/** A whole text completion, the same as its stream. */
import { describe, expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectCompletion } from "../../../../src/gateway/protocol/openai-completions/collect.ts"
import { startWriter } from "../../../../src/gateway/protocol/openai-completions/write-events.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { arbitraryAnswer } from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"

const start = { id: "cmpl-1", created_at: 7, model: "m" }

function errorOf(events: ModelEvent[]): unknown {
  try {
    return collectCompletion(start, events)
  } catch (error) {
    // The error is what is looked at.
    return error
  }
}

test("a whole answer has the shape that the SDK reads", () => {
  const events: ModelEvent[] = [
    { type: "text-delta", text: "a" },
    { type: "text-delta", text: "b" },
    { type: "answer-end", stop: "max_tokens" },
  ]
  expect(collectCompletion(start, events)).toEqual({
    id: "cmpl-1",
    object: "text_completion",
    created: 7,
    model: "m",
    choices: [{ index: 0, text: "ab", logprobs: null, finish_reason: "length" }],
  })
})

test("a whole answer is its collected stream, with its usage", () => {
  checkProperty(import.meta.path, arbitraryAnswer, events => {
    const writer = startWriter({ ...start, shows_usage: true })
    const stream = events.map(writer.write).join("")
    const data = stream.split("\n\n").slice(0, -2)
    const chunks = data.map(event => JSON.parse(event.slice("data: ".length)))
    const choices = chunks.flatMap(chunk => chunk.choices)
    const whole = collectCompletion(start, events)
    expect(whole.choices[0]?.text).toBe(choices.map(choice => choice.text).join(""))
    expect(whole.choices[0]?.finish_reason).toBe(choices.at(-1).finish_reason)
    expect(whole.usage ?? null).toEqual(chunks.at(-1).usage)
  })
})

describe("an answer that is none", () => {
  test("throws what it failed with", () => {
    const failed = { type: "answer-failed", code: "context_length_exceeded", message: "Too long." } as const
    const error = errorOf([{ type: "text-delta", text: "a" }, failed])
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ reason: "invalid", message: "Too long." })
  })

  test("throws that it did not end", () => {
    expect(errorOf([{ type: "text-delta", text: "a" }])).toMatchObject({ reason: "upstream" })
  })
})
