/** The book of bonus codes: their form, how they are made, listed and switched off; using them is in codes.ts. */
import { AppError } from "../../platform/errors.ts"
import { base32, type Random } from "../../platform/ids.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import type { Nanos } from "../ledger/nanos.ts"

export interface BonusCode {
  /** Upper case, without dashes. */
  code: string
  /** Who alone may use it; null is everybody. */
  customer_id: string | null
  source: "operator" | "session"
  /** Percent of the package's credit, 1 to 100. */
  percent: number
  /** The most it adds; null is no limit. */
  max_bonus_nanos: Nanos | null
  min_price_cents: number
  /** Uses by all customers together; null is no limit. */
  max_use_count: number | null
  max_use_count_per_customer: number
  starts_at: number
  /** From this instant on it is not valid; null is never. */
  expires_at: number | null
  is_enabled: boolean
  created_at: number
}

type StoredCode = Omit<BonusCode, "is_enabled"> & { is_enabled: 0 | 1 }

const COLUMNS = `code, customer_id, source, percent, max_bonus_nanos, min_price_cents, max_use_count,
  max_use_count_per_customer, starts_at, expires_at, is_enabled, created_at`

/** 80 random bits: 16 characters of Crockford's base 32, which has no i, l, o, u. */
const RANDOM_BYTES = 10
const GENERATED = /^[0-9A-HJKMNP-TV-Z]{16}$/
const SHORTEST = 4
const LONGEST = 32

/** How a code is stored and compared: upper case, without dashes and blanks. */
export const normaliseBonusCode = (text: string): string => text.replace(/[\s-]/g, "").toUpperCase()

/** How a code is shown: generated ones in groups of four. */
export const formatCode = (code: string): string =>
  GENERATED.test(code) ? code.replace(/.{4}(?=.)/g, "$&-") : code

/** The code that this text names, whoever it is for and whether it is valid or not. */
export async function findCode(q: Query, text: string): Promise<BonusCode | undefined> {
  const sql = `SELECT ${COLUMNS} FROM bonus_code WHERE code = ?`
  const row = await q.get<StoredCode>(sql, normaliseBonusCode(text))
  return row && toCode(row)
}

/** The terms of a new code; it is generated when none is given. */
export interface NewCode extends Omit<BonusCode, "code" | "is_enabled" | "created_at"> {
  code?: string | undefined
  /** Whose mailbox asked for it, as a keyed hash. */
  mailbox_hash?: string | undefined
}

const INSERT = `INSERT INTO bonus_code (${COLUMNS}, mailbox_hash)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (code) DO NOTHING`

/**
 * Writes a code and gives it. One that was chosen can be guessed: it needs four letters or digits, a total limit and
 * an expiry. Throws `invalid` that names the field, in the names of the operator's options, and `conflict` for a code that
 * exists.
 */
export async function createCode(
  q: TxQuery,
  needs: { random: Random; now: number },
  input: NewCode,
): Promise<BonusCode> {
  const { mailbox_hash, ...terms } = input
  const code = {
    ...terms,
    code: chooseCode(needs.random, input.code),
    is_enabled: true,
    created_at: needs.now,
  }
  if (input.code !== undefined) assertLimited(input)
  assertTerms(code)
  const inserted = await q.run(
    INSERT,
    code.code,
    code.customer_id,
    code.source,
    code.percent,
    code.max_bonus_nanos,
    code.min_price_cents,
    code.max_use_count,
    code.max_use_count_per_customer,
    code.starts_at,
    code.expires_at,
    code.created_at,
    mailbox_hash ?? null,
  )
  if (inserted === 1) return code
  throw new AppError("conflict", `The code ${code.code} exists already: choose another one.`, {
    code: "code_exists",
    field: "code",
  })
}

function chooseCode(random: Random, chosen: string | undefined): string {
  if (chosen === undefined) return base32(random(RANDOM_BYTES)).toUpperCase()
  const code = normaliseBonusCode(chosen)
  if (!/^[A-Z0-9]*$/.test(code) || code.length < SHORTEST || code.length > LONGEST) {
    throw invalid("code", `${SHORTEST} to ${LONGEST} letters and digits; dashes and blanks do not count`)
  }
  return code
}

function assertLimited(input: NewCode): void {
  if (input.max_use_count === null)
    throw invalid("max-uses", "given for a code that you choose: it can be guessed")
  if (input.expires_at === null)
    throw invalid("expires-days", "given for a code that you choose: it can be guessed")
}

function assertTerms(code: BonusCode): void {
  const isCount = (value: number) => Number.isSafeInteger(value) && value > 0
  const { percent, expires_at, max_use_count, max_bonus_nanos, min_price_cents } = code
  if (!isCount(percent) || percent > 100) throw invalid("percent", "a whole number from 1 to 100")
  if (max_use_count !== null && !isCount(max_use_count)) throw invalid("max-uses", "a whole number above 0")
  if (!isCount(code.max_use_count_per_customer)) throw invalid("per-customer", "a whole number above 0")
  if (!Number.isSafeInteger(min_price_cents) || min_price_cents < 0)
    throw invalid("min-price", "USD in whole cents")
  if (max_bonus_nanos !== null && max_bonus_nanos <= 0) throw invalid("max-bonus", "USD above 0")
  if (expires_at !== null && expires_at <= code.starts_at) throw invalid("expires-days", "after the start")
}

const invalid = (field: string, must_be: string) =>
  new AppError("invalid", `${field} must be ${must_be}.`, { code: "invalid_code", field })

/** What the operator sees of a code beside its terms. */
export type ListedCode = BonusCode & { use_count: number }

const LISTED = `${COLUMNS}, (SELECT count(*) FROM code_use WHERE code_use.code = bonus_code.code) AS use_count`

/** Newest first; of one customer only, when told. */
export async function listCodes(
  q: Query,
  page: { limit: number; customer_id: string | null },
): Promise<ListedCode[]> {
  const rows = await q.all<StoredCode & { use_count: number }>(
    `SELECT ${LISTED} FROM bonus_code WHERE ?1 IS NULL OR customer_id = ?1
     ORDER BY created_at DESC, code LIMIT ?2`,
    page.customer_id,
    page.limit,
  )
  return rows.map(toCode)
}

/** The code that a customer was issued last by asking for one. */
export async function findLastSessionCode(q: Query, customer_id: string): Promise<ListedCode | undefined> {
  const row = await q.get<StoredCode & { use_count: number }>(
    `SELECT ${LISTED} FROM bonus_code WHERE customer_id = ? AND source = 'session' ORDER BY created_at DESC LIMIT 1`,
    customer_id,
  )
  return row && toCode(row)
}

const ISSUED_TO_MAILBOX = `SELECT 1 AS found FROM bonus_code
  WHERE mailbox_hash = ? AND source = 'session' AND customer_id <> ? AND created_at > ? LIMIT 1`

/** Whether another customer of this mailbox was issued a code later than `since`. */
export const wasIssuedToMailbox = async (
  q: Query,
  asked: { mailbox_hash: string; customer_id: string; since: number },
): Promise<boolean> =>
  (await q.get(ISSUED_TO_MAILBOX, asked.mailbox_hash, asked.customer_id, asked.since)) !== undefined

/** Nobody can use the code from now on; purchases that hold a use keep it. Throws `not_found`; a repeat changes nothing. */
export async function disableCode(q: TxQuery, text: string): Promise<BonusCode> {
  await q.run("UPDATE bonus_code SET is_enabled = 0 WHERE code = ?", normaliseBonusCode(text))
  const code = await findCode(q, text)
  if (!code) throw new AppError("not_found", `There is no code ${text}.`)
  return code
}

const toCode = <Row extends StoredCode>(row: Row) => ({ ...row, is_enabled: row.is_enabled === 1 })
