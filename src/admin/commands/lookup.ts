/** What the commands of the catalogue ask the database: whether a thing exists, and whether a model is served. */
import { type CommandNeeds, UsageError } from "../command.ts"

export const NOUNS = ["upstream", "model", "route"] as const
export type Noun = (typeof NOUNS)[number]

/** Whether a model is served now, with everything that was written just before. */
export async function isServed(needs: CommandNeeds, model: string): Promise<boolean> {
  await needs.catalog.reload()
  return needs.catalog.list().some(one => one.id === model)
}

/** Throws UsageError that names the command which lists what there is. */
export async function assertExists(needs: CommandNeeds, noun: Noun, id: string): Promise<void> {
  const found = await needs.store.read.get(`SELECT 1 AS found FROM ${noun} WHERE id = ?`, id)
  if (!found) throw new UsageError(`there is no ${noun} ${id}; \`codexapi admin ${noun} list\` shows them`)
}
