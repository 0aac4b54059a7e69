/** Sealed summaries: the `encrypted_content` of compaction items, ours to make and to open; not how a summary is written. */
import type { Vault } from "../../auth/vault.ts"
import { AppError } from "../../platform/errors.ts"
import { isJsonObject } from "../protocol/json.ts"
import { type Item, userMessage } from "./items.ts"

/** Ours begin like this; a compaction item of an OpenAI upstream does not. */
const MARK = "cxc1."

/** Seals a summary for one customer: nobody else can open it, and nobody can change it. */
export const sealSummary = (vault: Vault, customer_id: string, summary: string): string =>
  MARK + vault.seal(JSON.stringify({ v: 1, summary }), contextOf(customer_id))

const contextOf = (customer_id: string): string => `compaction:${customer_id}`

/** Whether there is a summary of ours among the items. */
export const hasSummary = (items: readonly unknown[]): boolean => items.some(isSummary)

const isSummary = (item: unknown): item is Item & { encrypted_content: string } =>
  isJsonObject(item) &&
  (item.type === "compaction" || item.type === "compaction_summary") &&
  typeof item.encrypted_content === "string" &&
  item.encrypted_content.startsWith(MARK)

/**
 * The items with our summaries as messages of the user, which every upstream understands; all others as they are.
 * Throws `invalid` naming the item whose seal is broken or another customer's.
 */
export const openSummaries = (vault: Vault, customer_id: string, items: readonly Item[]): Item[] =>
  items.map((item, index) => {
    if (!isSummary(item)) return item
    const summary = openSummary(vault, customer_id, item.encrypted_content)
    if (summary !== undefined) return userMessage(`${PREFACE}\n\n${summary}`)
    throw new AppError(
      "invalid",
      "This compaction item was not made here for you, or was changed: send it as you received it, or leave it out.",
      { code: "invalid_encrypted_content", field: `input[${index}].encrypted_content` },
    )
  })

const PREFACE =
  "Summary of the conversation so far, written when its earlier part was taken out. Continue from here."

function openSummary(vault: Vault, customer_id: string, sealed: string): string | undefined {
  try {
    const opened: unknown = JSON.parse(vault.open(sealed.slice(MARK.length), contextOf(customer_id)))
    return isJsonObject(opened) && typeof opened.summary === "string" ? opened.summary : undefined
  } catch {
    // The vault says only that it did not open: the caller names the item.
    return undefined
  }
}
