/** A hosted search in both directions: its query, its pages, its failures. */
import { describe, expect, test } from "bun:test"
import {
  readSearch,
  searchQuery,
  writeResults,
} from "../../../../src/gateway/protocol/anthropic-messages/search-results.ts"

describe("reading", () => {
  test("pages without an address are none, and a title that is the address is no title", () => {
    const content = [{ title: "no url" }, 5, { url: "u", title: "u", encrypted_content: "", page_age: null }]
    expect(readSearch("q", content)).toEqual({
      raw: { type: "web_search_call", status: "completed", action: { type: "search", query: "q" } },
      results: [{ url: "u" }],
    })
  })

  test("an error or nothing is a failed search without results", () => {
    for (const content of [undefined, { type: "web_search_tool_result_error" }]) {
      expect(readSearch("q", content)).toEqual({
        raw: { type: "web_search_call", status: "failed", action: { type: "search", query: "q" } },
      })
    }
  })
})

describe("writing", () => {
  const queries: [object, string | undefined][] = [
    [{ type: "web_search_call", action: { type: "search", query: "a" } }, "a"],
    [{ type: "web_search_call", action: { type: "search", queries: ["b", "c"] } }, "b"],
    [{ type: "web_search_call" }, ""],
    [{ type: "web_search_call", action: { type: "open_page", url: "u" } }, undefined],
    [{ type: "image_generation_call" }, undefined],
  ]
  for (const [raw, query] of queries) {
    test(`${JSON.stringify(raw)} asked for ${query}`, () =>
      expect(searchQuery(raw as never)).toBe(query as never))
  }

  test("pages come back as they were", () => {
    const results = [{ url: "u", title: "t", page_age: "now", sealed: "S" }, { url: "v" }]
    expect(readSearch("q", writeResults(results)).results).toEqual(results)
  })
})
