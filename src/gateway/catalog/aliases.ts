/** Other names of models: dated snapshots, names with a vendor before them, whatever else clients send; no models. */
import type { Query } from "../../platform/store.ts"

export interface Aliases {
  /** What the first fitting name leads to: an exact one, then by prefix, the longest first. */
  find<Found>(name: string, lookUp: (model_id: string) => Found | undefined): Found | undefined
}

export interface Alias {
  alias: string
  model_id: string
}

/** Every stored alias, by name. */
export const listAliases = (q: Query): Promise<Alias[]> =>
  q.all<Alias>("SELECT alias, model_id FROM model_alias ORDER BY alias")

/** Reads the stored aliases into memory. */
export async function loadAliases(q: Query): Promise<Aliases> {
  const rows = await listAliases(q)
  const exact = new Map(rows.map(row => [row.alias, row.model_id]))
  const prefixes = rows
    .filter(row => row.alias.endsWith("*"))
    .map(row => ({ prefix: row.alias.slice(0, -1), model_id: row.model_id }))
    .toSorted((one, other) => other.prefix.length - one.prefix.length)
  return {
    find(name, lookUp) {
      const named = exact.get(name)
      const found = named === undefined ? undefined : lookUp(named)
      if (found !== undefined) return found
      for (const { prefix, model_id } of prefixes) {
        const meant = name.startsWith(prefix) ? lookUp(model_id) : undefined
        if (meant !== undefined) return meant
      }
      return undefined
    },
  }
}
