/** Sealing the ledger: each finished UTC day is closed with a hash over its transfers and the seal before. */

import type { Clock } from "../../platform/clock.ts"
import { DAY_MS } from "../../platform/clock.ts"
import type { Events } from "../../platform/events.ts"
import type { Query, Store } from "../../platform/store.ts"
import {
  type DayContent,
  dayNumberOf,
  digestOf,
  FIRST_SEAL,
  hashSeal,
  nameOfDay,
  readDays,
  type Seal,
} from "./seal-day.ts"

export interface SealNeeds {
  store: Store
  clock: Clock
  events: Events
}

/** A transfer is dated when it is begun, so that one of the last moments may be written after midnight. */
const GRACE_MS = 3_600_000

/** A clock that was not set yet may have said anything. */
const dayOf = (created_at: number): number => Math.max(0, dayNumberOf(created_at))

const LAST = "SELECT * FROM ledger_seal ORDER BY day DESC LIMIT 1"
const INSERT =
  "INSERT INTO ledger_seal (day, sealed_until, transfer_count, hash, created_at) VALUES (?, ?, ?, ?, ?)"

/**
 * Seals every finished day that is at least an hour over and not sealed yet, from the first transfer's day on; a day
 * without transfers is sealed as well, so that none can be put there later. Gives the new seals; a repeat gives none,
 * and of two at once one seals.
 */
export async function sealLedger(needs: SealNeeds): Promise<Seal[]> {
  const { store, clock } = needs
  const now = clock.now()
  const last = await store.read.get<Seal>(LAST)
  const until = dayNumberOf(now - GRACE_MS)
  const since = last?.sealed_until ?? Number.MIN_SAFE_INTEGER
  if (since >= until * DAY_MS) return []
  const days = await readDays(store.read, { since, until: until * DAY_MS, dayOf })
  const first = last ? dayNumberOf(last.sealed_until) : Math.min(...days.keys())
  if (!Number.isFinite(first)) return []
  const seals = chainSeals(last?.hash ?? FIRST_SEAL, { days, first, until, created_at: now })
  return store.tx(async q => {
    // Another process sealed meanwhile: its seals are the same.
    if ((await q.get<Seal>(LAST))?.day !== last?.day) return []
    for (const { day, sealed_until, transfer_count, hash, created_at } of seals) {
      await q.run(INSERT, day, sealed_until, transfer_count, hash, created_at)
      q.afterCommit(() => needs.events.emit("ledger-sealed", { day }))
    }
    return seals
  })
}

function chainSeals(
  before: string,
  span: { days: Map<number, DayContent>; first: number; until: number; created_at: number },
): Seal[] {
  const seals: Seal[] = []
  let hash = before
  for (let number = span.first; number < span.until; number++) {
    const content = digestOf(span.days.get(number))
    const day = nameOfDay(number)
    hash = hashSeal(hash, day, content)
    const { transfer_count } = content
    const sealed_until = (number + 1) * DAY_MS
    seals.push({ day, sealed_until, transfer_count, hash, created_at: span.created_at })
  }
  return seals
}

/** The latest seals, newest first. */
export const listSeals = (q: Query, limit: number): Promise<Seal[]> =>
  q.all<Seal>("SELECT * FROM ledger_seal ORDER BY day DESC LIMIT ?", limit)
