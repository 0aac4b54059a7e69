/** Whether sealed days are as they were when they were sealed; reads only. */
import { DAY_MS } from "../../platform/clock.ts"
import type { Query } from "../../platform/store.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"
import { dayNumberOf, digestOf, FIRST_SEAL, hashSeal, nameOfDay, readDays, type Seal } from "./seal-day.ts"

const SEALS = "SELECT * FROM ledger_seal ORDER BY day"

/**
 * Hashes every sealed day again. What was dated before the first seal counts to it: nothing can be put before it either.
 * Someone who can rewrite the file can also seal it anew from some day on: keep the latest hash elsewhere
 * (`codexapi admin ledger seals`), and compare.
 */
export async function verifySeals(q: Query): Promise<LawReport> {
  const seals = await q.all<Seal>(SEALS)
  const findings: string[] = []
  const [first] = seals
  if (first) {
    const first_number = dayNumberOf(first.sealed_until) - 1
    const until = Math.max(...seals.map(seal => seal.sealed_until))
    const dayOf = (created_at: number) => Math.max(first_number, dayNumberOf(created_at))
    const days = await readDays(q, { since: Number.MIN_SAFE_INTEGER, until, dayOf })
    let before = { hash: FIRST_SEAL, number: first_number - 1 }
    for (const seal of seals) {
      const number = dayNumberOf(seal.sealed_until) - 1
      findings.push(...gapsOf(before.number, seal))
      const content = digestOf(days.get(number))
      if (seal.transfer_count !== content.transfer_count)
        findings.push(
          `${seal.day} was sealed with ${seal.transfer_count} transfers and has ${content.transfer_count}`,
        )
      else if (seal.hash !== hashSeal(before.hash, seal.day, content))
        findings.push(`${seal.day} is not what was sealed: one of its transfers or a seal was changed`)
      before = { hash: seal.hash, number }
    }
  }
  return { law: "6 sealed days are as they were sealed", findings: findings.slice(0, MOST_FINDINGS) }
}

/** A seal stands for one day, the one after the seal before. */
function gapsOf(before: number, seal: Seal): string[] {
  const number = seal.sealed_until / DAY_MS - 1
  const is_whole = Number.isInteger(number) && nameOfDay(number) === seal.day
  if (!is_whole)
    return [`the seal of ${seal.day} ends at ${seal.sealed_until}, which is not the end of its day`]
  if (number !== before + 1) return [`the seal of ${nameOfDay(before + 1)} is missing`]
  return []
}
