/** The operator's keys: made on the command line, kept as hashes. */
import type { Clock } from "../platform/clock.ts"
import type { NewId, Random } from "../platform/ids.ts"
import type { Query, TxQuery } from "../platform/store.ts"
import { createToken, hintOf, isWellFormedToken } from "./tokens.ts"
import type { Vault } from "./vault.ts"

/** Creates an admin key and gives its token, which is shown only now. */
export async function createAdminKey(
  q: TxQuery,
  needs: { vault: Vault; random: Random; newId: NewId; clock: Clock },
  name: string,
): Promise<{ id: string; token: string }> {
  const id = needs.newId("adm")
  const token = createToken("admin", needs.random)
  await q.run(
    "INSERT INTO admin_key (id, name, hint, token_hash, created_at) VALUES (?, ?, ?, ?, ?)",
    id,
    name,
    hintOf(token),
    needs.vault.hash(token),
    needs.clock.now(),
  )
  return { id, token }
}

/** The admin key with this token, unless revoked. */
export async function findAdminKey(
  q: Query,
  needs: { vault: Vault },
  token: string,
): Promise<{ id: string; name: string } | undefined> {
  if (!isWellFormedToken(token)) return undefined
  return q.get(
    "SELECT id, name FROM admin_key WHERE token_hash = ? AND revoked_at IS NULL",
    needs.vault.hash(token),
  )
}

export async function hasAdminKey(q: Query): Promise<boolean> {
  return (await q.get("SELECT 1 AS found FROM admin_key WHERE revoked_at IS NULL LIMIT 1")) !== undefined
}
