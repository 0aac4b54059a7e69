/** The stored price list: reading the card in force and adding versions; prices are never edited. */
import type { NewId } from "../../platform/ids.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import type { RateCard, Rates } from "./cost.ts"

interface StoredCard extends Omit<RateCard, "tier_multipliers"> {
  tier_multipliers: string
  source: string
  created_at: number
}

export interface RateCardRow extends RateCard {
  source: string
  created_at: number
}

const parse = (row: StoredCard): RateCardRow => ({
  ...row,
  tier_multipliers: JSON.parse(row.tier_multipliers),
})

/** Every version of every card, or of one model's, oldest first. */
export async function listRateCards(q: Query, model_id?: string): Promise<RateCardRow[]> {
  const rows = model_id
    ? await q.all<StoredCard>("SELECT * FROM rate_card WHERE model_id = ? ORDER BY version", model_id)
    : await q.all<StoredCard>("SELECT * FROM rate_card ORDER BY model_id, version")
  return rows.map(parse)
}

/** The cards in force: the highest version of each model, by model id. */
export async function listCurrentRateCards(q: Query): Promise<Map<string, RateCardRow>> {
  return new Map((await listRateCards(q)).map(card => [card.model_id, card]))
}

/** A card by its id, for pricing a receipt again. */
export async function findRateCard(q: Query, id: string): Promise<RateCardRow | undefined> {
  const row = await q.get<StoredCard>("SELECT * FROM rate_card WHERE id = ?", id)
  return row && parse(row)
}

/** Adds the next version of a model's price and gives it back; requests already admitted keep theirs. */
export async function addRateCard(
  q: TxQuery,
  needs: { newId: NewId; now: number },
  card: Rates & { model_id: string; source: string },
): Promise<RateCard> {
  const last = await q.get<{ version: number | null }>(
    "SELECT max(version) AS version FROM rate_card WHERE model_id = ?",
    card.model_id,
  )
  const row = { ...card, id: needs.newId("rc"), version: (last?.version ?? 0) + 1 }
  await q.run(
    `INSERT INTO rate_card (id, model_id, version, input_rate, cache_read_rate, cache_write_5m_rate,
       cache_write_1h_rate, output_rate, web_search_rate, tier_multipliers, source, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.id,
    row.model_id,
    row.version,
    row.input_rate,
    row.cache_read_rate,
    row.cache_write_5m_rate,
    row.cache_write_1h_rate,
    row.output_rate,
    row.web_search_rate,
    JSON.stringify(row.tier_multipliers),
    row.source,
    needs.now,
  )
  return row
}
