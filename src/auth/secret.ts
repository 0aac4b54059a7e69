/** Notices a server secret that is not the database's own: with it every key would be unknown, without a word why. */

import { AppError } from "../platform/errors.ts"
import { readSetting } from "../platform/settings.ts"
import type { Store } from "../platform/store.ts"
import type { Vault } from "./vault.ts"

const KEY = "secret_check"
/** Hashed with the secret it shows whether two secrets are the same, and nothing of either. */
const CHECKED = "codexapi"

/** The first secret becomes the database's own. Throws `unavailable` for any other one. */
export async function assertSecret(needs: { store: Store; vault: Vault }): Promise<void> {
  const own = needs.vault.hash(CHECKED)
  const stored = (await readSetting(needs.store.read, KEY)) ?? (await writeCheck(needs.store, own))
  if (stored === own) return
  throw new AppError(
    "unavailable",
    "CODEXAPI_SECRET is not the one this database was made with: set it as it was, or, when there was none, " +
      "unset it and put the file `secret` back into the data folder.",
  )
}

/** What is stored in the end: another process may have been first. */
const writeCheck = (store: Store, own: string) =>
  store.tx(async q => {
    await q.run("INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", KEY, own)
    return (await readSetting(q, KEY))!
  })
