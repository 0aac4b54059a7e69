/** A hosted web search between its two blocks on this wire and our one item, in both directions. */
import { isJsonObject, type JsonObject, present, stringOf } from "../json.ts"
import type { HostedCallItem, SearchResult } from "../model-request.ts"
import type { WireSearchContent } from "./wire.ts"

/** The item of a search whose result block says `content` (claude-code-wire 9); an error object is a failed one. */
export function readSearch(query: string, content: unknown): Omit<HostedCallItem, "kind"> {
  const action = { type: "search", query }
  if (!Array.isArray(content)) return { raw: { type: "web_search_call", status: "failed", action } }
  const results = content.filter(isJsonObject).flatMap(readResult)
  return { raw: { type: "web_search_call", status: "completed", action }, results }
}

function readResult(raw: JsonObject): SearchResult[] {
  const url = stringOf(raw.url)
  if (url === undefined) return []
  const title = stringOf(raw.title)
  const result = present({
    url,
    title: title === url ? undefined : title,
    page_age: stringOf(raw.page_age),
    sealed: stringOf(raw.encrypted_content) || undefined,
  })
  return [result]
}

/**
 * What a search asked for; `undefined` for hosted work of another kind, which has no blocks here: opening a page
 * and looking into it belong to the search before them.
 */
export function searchQuery(raw: JsonObject): string | undefined {
  if (raw.type !== "web_search_call") return undefined
  const action = isJsonObject(raw.action) ? raw.action : {}
  if (action.type !== undefined && action.type !== "search") return undefined
  const first = Array.isArray(action.queries) ? action.queries[0] : undefined
  return stringOf(action.query) ?? stringOf(first) ?? ""
}

/** The content of a result block; clients need title and url (claude-code-wire 9). */
export function writeResults(
  results: readonly SearchResult[],
): Exclude<WireSearchContent, { error_code: string }> {
  return results.map(({ url, title, page_age, sealed }) => ({
    type: "web_search_result",
    title: title ?? url,
    url,
    encrypted_content: sealed ?? "",
    page_age: page_age ?? null,
  }))
}
