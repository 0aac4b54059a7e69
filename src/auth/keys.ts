/** API keys: the System Token and User API Keys of customers; who a bearer is, from memory when known. */
import type { Clock } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import type { NewId, Random } from "../platform/ids.ts"
import type { Query, Store, TxQuery } from "../platform/store.ts"
import { createToken, hintOf, isWellFormedToken, type TokenKind } from "./tokens.ts"
import type { Vault } from "./vault.ts"

/** Who asks. */
export interface Caller {
  customer_id: string
  key_id: string
  key_kind: "system" | "user"
  /** The public models the key may use; null is every model. */
  models: readonly string[] | null
  expires_at: number | null
  /** Until when its customer is served first; null is never. */
  vip_until: number | null
}

/**
 * A key that is limited to models or to a time may use models and look, nothing more: it must not make one without
 * limits, spend cash or change what is charged. `what` completes "may not …". Throws `forbidden`.
 */
export function assertUnscoped(caller: Caller, what: string): void {
  if (caller.models === null && caller.expires_at === null) return
  throw new AppError(
    "forbidden",
    `This API key is limited to models or to a time and may not ${what}: use your System Token.`,
    { code: "scoped_key" },
  )
}

/** A key as its owner may see it. */
export interface KeyRow {
  id: string
  kind: "system" | "user"
  name: string
  hint: string
  models: string[] | null
  expires_at: number | null
  revoked_at: number | null
  created_at: number
}

export interface KeyRing {
  /** Who the bearer of a token is; `undefined` for unknown, revoked, expired and suspended alike. */
  find(token: string): Promise<Caller | undefined>
  /** Forgets everything at once, because a key or a customer changed. */
  forget(): void
}

interface KeyMakerNeeds {
  vault: Vault
  random: Random
  newId: NewId
  clock: Clock
}

const FIND_CALLER = `SELECT k.id AS key_id, k.kind AS key_kind, k.customer_id, k.models, k.expires_at, c.vip_until
  FROM api_key k JOIN customer c ON c.id = k.customer_id
  WHERE k.token_hash = ? AND k.revoked_at IS NULL AND c.status = 'active'`

/** Unknown tokens are remembered for this long, so that a wrong key that retries costs nothing. */
const UNKNOWN_TTL_MS = 10_000
const LARGEST_CACHE = 50_000

/** A cache over the key table. It holds hashes only, never tokens. */
export function createKeyRing(needs: { store: Store; vault: Vault; clock: Clock }): KeyRing {
  const known = new Map<string, { caller: Caller | undefined; until: number }>()
  let generation = 0

  async function load(hash: string): Promise<Caller | undefined> {
    const asked = generation
    const row = await needs.store.read.get<Omit<Caller, "models"> & { models: string | null }>(
      FIND_CALLER,
      hash,
    )
    const caller = row && {
      ...row,
      models: row.models === null ? null : (JSON.parse(row.models) as string[]),
    }
    // A revocation may have come while the row was read: then the row must not be remembered.
    if (asked === generation) {
      if (known.size >= LARGEST_CACHE) known.clear()
      known.set(hash, {
        caller,
        until: caller ? Number.POSITIVE_INFINITY : needs.clock.now() + UNKNOWN_TTL_MS,
      })
    }
    return caller
  }

  return {
    async find(token) {
      if (!isWellFormedToken(token)) return undefined
      const hash = needs.vault.hash(token)
      const hit = known.get(hash)
      const caller = hit && hit.until > needs.clock.now() ? hit.caller : await load(hash)
      return caller?.expires_at != null && caller.expires_at <= needs.clock.now() ? undefined : caller
    },
    forget() {
      generation += 1
      known.clear()
    },
  }
}

const INSERT = `INSERT INTO api_key
  (id, customer_id, kind, name, hint, token_hash, sealed_token, models, expires_at, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** User API Keys that a customer may have at once. */
export const LARGEST_KEY_COUNT = 100

/**
 * Creates a key and gives its token, which is shown only now (a System Token is sealed beside its hash).
 * Throws `conflict` when the customer has as many live User API Keys as one may have.
 */
export async function createKey(
  q: TxQuery,
  needs: KeyMakerNeeds,
  key: { customer_id: string; kind: "system" | "user"; name: string; models?: string[]; expires_at?: number },
): Promise<{ id: string; token: string }> {
  if (key.kind === "user") await assertRoomForKey(q, key.customer_id, needs.clock.now())
  const id = needs.newId("key")
  const token = createToken(key.kind satisfies TokenKind, needs.random)
  await q.run(
    INSERT,
    id,
    key.customer_id,
    key.kind,
    key.name,
    hintOf(token),
    needs.vault.hash(token),
    key.kind === "system" ? needs.vault.seal(token, id) : null,
    key.models ? JSON.stringify(key.models) : null,
    key.expires_at ?? null,
    needs.clock.now(),
  )
  return { id, token }
}

async function assertRoomForKey(q: TxQuery, customer_id: string, now: number): Promise<void> {
  const live = await q.get<{ count: number }>(
    `SELECT count(*) AS count FROM api_key WHERE customer_id = ? AND kind = 'user' AND revoked_at IS NULL
     AND (expires_at IS NULL OR expires_at > ?)`,
    customer_id,
    now,
  )
  if (live!.count < LARGEST_KEY_COUNT) return
  throw new AppError(
    "conflict",
    `There are ${LARGEST_KEY_COUNT} API keys, the most a customer may have: revoke one that is no longer used.`,
    { code: "too_many_keys" },
  )
}

const COLUMNS = "id, kind, name, hint, models, expires_at, revoked_at, created_at"

const parse = (row: Omit<KeyRow, "models"> & { models: string | null }): KeyRow => ({
  ...row,
  models: row.models === null ? null : JSON.parse(row.models),
})

/** A page of a customer's keys that are not revoked, newest first; `before` is the id the last page ended with. */
export async function listKeys(
  q: Query,
  page: { customer_id: string; limit: number; before: string | undefined },
): Promise<KeyRow[]> {
  const rows = await q.all<Omit<KeyRow, "models"> & { models: string | null }>(
    `SELECT ${COLUMNS} FROM api_key WHERE customer_id = ? AND revoked_at IS NULL AND (? IS NULL OR id < ?)
     ORDER BY id DESC LIMIT ?`,
    page.customer_id,
    page.before ?? null,
    page.before ?? null,
    page.limit,
  )
  return rows.map(parse)
}

/** Revokes a User API Key of this customer. Throws `not_found` for unknown and foreign ids alike. */
export async function revokeKey(
  q: TxQuery,
  needs: { clock: Clock },
  key: { customer_id: string; key_id: string },
): Promise<void> {
  const found = await q.get<{ kind: string }>(
    "SELECT kind FROM api_key WHERE id = ? AND customer_id = ? AND revoked_at IS NULL",
    key.key_id,
    key.customer_id,
  )
  if (!found) throw new AppError("not_found", "There is no such key. List your keys to see their ids.")
  if (found.kind === "system") {
    throw new AppError("conflict", "The System Token cannot be revoked, only rotated.", {
      code: "system_token",
    })
  }
  await q.run("UPDATE api_key SET revoked_at = ? WHERE id = ?", needs.clock.now(), key.key_id)
}
