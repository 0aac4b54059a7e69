/** The operator's rules for rewards and limits: their shapes and defaults; read from the store each time, so edits are live. */
import { type Static, type TObject, type TProperties, Type } from "@sinclair/typebox"
import { Value, ValueErrorType } from "@sinclair/typebox/value"
import { AppError } from "../../platform/errors.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { parseUsd } from "../ledger/nanos.ts"

/** What a field must be is said in its description: that is what a refusal shows. */
const usd = (description: string, pattern: string) => Type.String({ pattern, description })
const Amount = usd("USD above 0 and below a million, such as 0.50", "^(?!0+(\\.0+)?$)\\d{1,6}(\\.\\d{1,9})?$")
const Cents = usd("USD above 0 in whole cents, such as 5.00", "^(?!0+(\\.0+)?$)\\d{1,6}(\\.\\d{2})?$")
const Threshold = usd("USD, such as 1.00; 0.00 is never", "^\\d{1,6}(\\.\\d{1,9})?$")

const integer = (minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, description: `a whole number from ${minimum} to ${maximum}` })
const Flag = Type.Boolean({ description: "true or false" })
const text = (maxLength: number) =>
  Type.String({ maxLength, description: `text of at most ${maxLength} characters` })

const exact = <Fields extends TProperties>(fields: Fields) =>
  Type.Object(fields, { additionalProperties: false, description: "an object" })

const Tier = exact({ min_customers: integer(0, 1_000_000), percent: integer(0, 100) })
const Host = Type.String({
  pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+)+$",
  maxLength: 253,
  description: "a host name in lower case, such as x.com",
})
const EmailDemand = Type.Union(
  [Type.Literal("when-mail-works"), Type.Literal("always"), Type.Literal("never")],
  { description: "when-mail-works, always or never" },
)

const SHAPES = {
  /** What each day of a streak gives; the last amount repeats. */
  "check-in": exact({
    is_enabled: Flag,
    amounts_usd: Type.Array(Amount, { minItems: 1, maxItems: 31, description: "a list of 1 to 31 amounts" }),
  }),
  /** What a public post about us gives, once. */
  share: exact({
    is_enabled: Flag,
    amount_usd: Amount,
    text: text(500),
    hosts: Type.Array(Host, { minItems: 1, maxItems: 50, description: "a list of 1 to 50 host names" }),
  }),
  /** Percent of what brought customers pay, by how many of them there are. */
  referral: exact({
    is_enabled: Flag,
    tiers: Type.Array(Tier, {
      minItems: 1,
      maxItems: 20,
      description: "a list of 1 to 20 of { min_customers, percent }",
    }),
    hold_days: integer(0, 365),
    months: integer(1, 120),
  }),
  /** An empty product id: not offered. */
  gumroad: exact({ is_enabled: Flag, product_id: text(200), amount_usd: Amount }),
  "session-discount": exact({
    is_enabled: Flag,
    percent: integer(1, 100),
    minutes: integer(1, 10_080),
    every_days: integer(1, 366),
  }),
  /** What a reward demands of a customer. */
  "anti-abuse": exact({
    min_account_age_hours: integer(0, 8_760),
    requires_verified_email: EmailDemand,
    /** Where Turnstile is configured. */
    requires_turnstile: Flag,
  }),
  "auto-topup": exact({
    min_interval_minutes: integer(10, 10_080),
    max_failures: integer(1, 10),
    max_monthly_cap_usd: Cents,
  }),
  /** The least and the most that is loaded onto a Cash Wallet at once. */
  cash: exact({ min_usd: Cents, max_usd: Cents }),
  "low-balance": exact({ threshold_usd: Threshold }),
} as const satisfies Record<string, TObject>

export type RuleName = keyof typeof SHAPES
export type Rules = { [Name in RuleName]: Static<(typeof SHAPES)[Name]> }

const DEFAULTS: Rules = {
  "check-in": {
    is_enabled: true,
    amounts_usd: ["0.05", "0.05", "0.10", "0.10", "0.15", "0.20", "0.50"],
  },
  share: {
    is_enabled: true,
    amount_usd: "1.00",
    text: "One prepaid account for the Codex CLI, Claude Code and every SDK, paid by what I use:",
    hosts: [
      "x.com",
      "twitter.com",
      "linkedin.com",
      "reddit.com",
      "facebook.com",
      "bsky.app",
      "mastodon.social",
      "news.ycombinator.com",
    ],
  },
  referral: {
    is_enabled: true,
    tiers: [
      { min_customers: 0, percent: 5 },
      { min_customers: 5, percent: 8 },
      { min_customers: 20, percent: 10 },
    ],
    hold_days: 14,
    months: 12,
  },
  gumroad: { is_enabled: true, product_id: "", amount_usd: "200.00" },
  "session-discount": { is_enabled: true, percent: 10, minutes: 30, every_days: 30 },
  "anti-abuse": {
    min_account_age_hours: 24,
    requires_verified_email: "when-mail-works",
    requires_turnstile: true,
  },
  "auto-topup": { min_interval_minutes: 10, max_failures: 3, max_monthly_cap_usd: "1000.00" },
  cash: { min_usd: "5.00", max_usd: "1000.00" },
  "low-balance": { threshold_usd: "1.00" },
}

/** Every rule, in the order in which the operator sees them. */
export const RULE_NAMES = Object.keys(SHAPES) as RuleName[]

/** The rule as it is now: what the operator has set, and the default of every other field. */
export async function getRule<Name extends RuleName>(q: Query, name: Name): Promise<Rules[Name]> {
  return { ...DEFAULTS[name], ...(await readOverrides(q, name)) } as Rules[Name]
}

/**
 * Sets the fields that `patch` names; lists are replaced as a whole. The patch may come from outside: nothing of it is
 * believed. Throws `invalid` that names the first field which is unknown or not as it must be (`tiers.1.percent`), and
 * then changes nothing. A repeat changes nothing.
 */
export async function setRule(q: TxQuery, now: number, name: RuleName, patch: unknown): Promise<void> {
  if (!isRecord(patch)) throw invalid(name, "", "a JSON object of the fields to change")
  const overrides = { ...(await readOverrides(q, name)), ...patch }
  assertRule(name, { ...DEFAULTS[name], ...overrides })
  await q.run(
    `INSERT INTO rule (name, value, updated_at) VALUES (?1, ?2, ?3)
     ON CONFLICT (name) DO UPDATE SET value = ?2, updated_at = ?3`,
    name,
    JSON.stringify(overrides),
    now,
  )
}

/** Only what was set is stored, so that a better default reaches operators who never chose. */
async function readOverrides(q: Query, name: RuleName): Promise<Record<string, unknown>> {
  const row = await q.get<{ value: string }>("SELECT value FROM rule WHERE name = ?", name)
  return row ? JSON.parse(row.value) : {}
}

function assertRule(name: RuleName, rule: object): void {
  const [wrong] = Value.Errors(SHAPES[name], rule)
  if (wrong) {
    const is_unknown = wrong.type === ValueErrorType.ObjectAdditionalProperties
    const field = wrong.path.slice(1).replaceAll("/", ".")
    throw invalid(name, field, is_unknown ? undefined : wrong.schema.description)
  }
  if (name === "referral") assertTiers(rule as Rules["referral"])
  if (name === "cash") assertCashLimits(rule as Rules["cash"])
}

/** Ascending from 0, so that exactly one tier is the highest that a referrer has reached. */
function assertTiers({ tiers }: Rules["referral"]): void {
  const minimums = tiers.map(tier => tier.min_customers)
  if (minimums[0] !== 0) throw invalid("referral", "tiers.0.min_customers", "0")
  const at = minimums.findIndex((minimum, index) => index > 0 && minimum <= minimums[index - 1]!)
  if (at !== -1) throw invalid("referral", `tiers.${at}.min_customers`, "above that of the tier before")
}

function assertCashLimits({ min_usd, max_usd }: Rules["cash"]): void {
  if (parseUsd(min_usd)! > parseUsd(max_usd)!)
    throw invalid("cash", "min_usd", `at most max_usd (${max_usd})`)
}

function invalid(name: RuleName, field: string, must_be: string | undefined): AppError {
  const what = must_be === undefined ? "is no field of this rule" : `must be ${must_be}`
  const fields = Object.keys(SHAPES[name].properties).join(", ")
  const message = `${field || "the change"} ${what}. Fields of ${name}: ${fields}.`
  return new AppError("invalid", message, { code: "invalid_rule", ...(field && { field }) })
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
