/** Texts, images and documents as blocks: their sources, their marks, and what is left out. */
import { describe, expect, test } from "bun:test"
import {
  writeCacheMark,
  writeParts,
  writeText,
} from "../../../../src/gateway/protocol/anthropic-messages/write-parts.ts"
import type { FilePart, Part } from "../../../../src/gateway/protocol/model-request.ts"
import type { Quirk, Target } from "../../../../src/gateway/protocol/target.ts"

const TARGET: Target = {
  protocol: "anthropic-messages",
  upstream_id: "up",
  model: "m",
  quirks: new Set(),
  tool_name_length: 64,
  max_output_tokens: 100,
  reasoning_efforts: [],
}
const BLIND: Target = { ...TARGET, quirks: new Set<Quirk>(["no-images"]) }

/** The one block of a part. */
const write = (part: Part, target = TARGET): unknown => writeParts([part], target)[0]
const file = (rest: Partial<FilePart>): unknown => write({ kind: "file", ...rest })

describe("texts", () => {
  test("blank ones leave no block, because the upstream refuses them", () => {
    for (const blank of ["", " ", "\n\t"]) expect(writeText(blank)).toEqual([])
    expect(writeText(" a ")).toEqual([{ type: "text", text: " a " }])
  })

  test("marks say their time only when it is an hour", () => {
    expect(writeCacheMark("5m")).toEqual({ type: "ephemeral" })
    expect(writeCacheMark("1h")).toEqual({ type: "ephemeral", ttl: "1h" })
    expect(writeCacheMark(undefined)).toBeUndefined()
    expect(writeText("a", "5m")).toEqual([{ type: "text", text: "a", cache_control: { type: "ephemeral" } }])
  })

  test("a refusal of an earlier turn is said as text", () => {
    expect(write({ kind: "refusal", text: "no" })).toEqual({ type: "text", text: "no" })
  })
})

describe("images", () => {
  test("have the source that they came with", () => {
    expect(write({ kind: "image", url: "data:image/png;base64,AA==" })).toEqual({
      type: "image",
      source: { type: "base64", media_type: "image/png", data: "AA==" },
    })
    expect(write({ kind: "image", url: "https://a/b" })).toEqual({
      type: "image",
      source: { type: "url", url: "https://a/b" },
    })
    expect(write({ kind: "image", file_id: "f", cache: "1h" })).toEqual({
      type: "image",
      source: { type: "file", file_id: "f" },
      cache_control: { type: "ephemeral", ttl: "1h" },
    })
  })

  test("without any source leave no block", () => expect(write({ kind: "image" })).toBeUndefined())

  test("are a note for a model that takes text only", () => {
    expect(write({ kind: "image", url: "https://a/b" }, BLIND)).toMatchObject({
      type: "text",
      text: expect.stringContaining("image"),
    })
  })
})

describe("files", () => {
  const cases: [Partial<FilePart>, object][] = [
    [
      { data: "data:application/pdf;base64,AA==", filename: "a.pdf" },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "AA==" },
        title: "a.pdf",
      },
    ],
    [
      { data: "AA==" },
      { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AA==" } },
    ],
    [
      { data: "data:text/markdown;charset=utf-8;base64,w6k=" },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "é" } },
    ],
    [
      { data: "data:application/json;base64,e30=" },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "{}" } },
    ],
    [{ url: "https://a/b.pdf" }, { type: "document", source: { type: "url", url: "https://a/b.pdf" } }],
    [{ file_id: "f" }, { type: "document", source: { type: "file", file_id: "f" } }],
  ]
  for (const [part, block] of cases) {
    test(`${JSON.stringify(part)} is a document`, () => expect(file(part)).toEqual(block))
  }

  test("without any source leave no block", () => expect(file({ filename: "x" })).toBeUndefined())
})

test("blocks of this protocol go back as they were, those of others are left out", () => {
  const raw = { type: "search_result", source: "s" }
  expect(write({ kind: "raw", protocol: "anthropic-messages", raw })).toBe(raw)
  expect(write({ kind: "raw", protocol: "openai-responses", raw })).toBeUndefined()
})
