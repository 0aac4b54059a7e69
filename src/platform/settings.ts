/** The table `setting`: single values that the server remembers. */
import type { Query, TxQuery } from "./store.ts"

export const readSetting = async (q: Query, key: string): Promise<string | undefined> =>
  (await q.get<{ value: string }>("SELECT value FROM setting WHERE key = ?", key))?.value

export async function writeSetting(q: TxQuery, key: string, value: string): Promise<void> {
  await q.run(
    "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
    key,
    value,
  )
}
