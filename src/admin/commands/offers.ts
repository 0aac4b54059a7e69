/** The operator's commands for what is offered: packages, bonus codes, and the rules of rewards and limits. */
import { DAY_MS } from "../../platform/clock.ts"
import { toIso, toIsoOrNull } from "../../platform/schema.ts"
import { centsToNanos, formatUsd, type Nanos, parseUsd } from "../../wallet/ledger/nanos.ts"
import {
  createCode,
  disableCode,
  formatCode,
  type ListedCode,
  listCodes,
} from "../../wallet/offers/code-book.ts"
import { findPackage, listPackages, type PackageOffer, setPackage } from "../../wallet/offers/packages.ts"
import { getRule, RULE_NAMES, type RuleName, setRule } from "../../wallet/offers/rules.ts"
import {
  type Command,
  type CommandNeeds,
  integerOf,
  positiveOf,
  UsageError,
  type Values,
} from "../command.ts"
import { readChoice } from "../option-values.ts"
import { findCustomer } from "./customers.ts"

const listOffers: Command = {
  name: "package list",
  summary: "Every package, in the order in which customers see them",
  options: {},
  run: async needs => (await listPackages(needs.store.read, "all")).map(toPackageOutput),
}

const setOffer: Command = {
  name: "package set",
  summary: "Add or change a package; what is not given stays as it is",
  options: {
    id: "name in requests",
    "label?": "text",
    "price?": "USD",
    "credit?": "USD, the price unless told",
    "vip-days?": "days of VIP Priority",
    "position?": "order in lists",
  },
  run: (needs, values) =>
    needs.store.tx(async q => {
      const offer = readOffer(values, await findPackage(q, values.id!))
      await setPackage(q, needs.clock.now(), offer)
      return toPackageOutput(offer)
    }),
}

/** Throws UsageError. */
function readOffer(values: Values, before: PackageOffer | undefined): PackageOffer {
  const price_cents = readCents(values, "price") ?? before?.price_cents
  if (price_cents === undefined) throw new UsageError("missing: --price, which a new package needs")
  return {
    id: values.id!,
    label: values.label ?? before?.label ?? values.id!,
    price_cents,
    credit_nanos: readUsd(values, "credit") ?? before?.credit_nanos ?? centsToNanos(price_cents),
    vip_days: integerOf(values, "vip-days", before?.vip_days ?? 0),
    position: integerOf(values, "position", before?.position ?? 100),
    is_enabled: before?.is_enabled ?? true,
  }
}

const switchOffer = (verb: "disable" | "enable", summary: string): Command => ({
  name: `package ${verb}`,
  summary,
  options: { id: "id" },
  run: (needs, values) =>
    needs.store.tx(async q => {
      const before = await findPackage(q, values.id!)
      if (!before) {
        throw new UsageError(`there is no package ${values.id}; \`codexapi admin package list\` shows them`)
      }
      const offer = { ...before, is_enabled: verb === "enable" }
      await setPackage(q, needs.clock.now(), offer)
      return toPackageOutput(offer)
    }),
})

const createBonusCode: Command = {
  name: "code create",
  summary:
    "Make a bonus code; one that you choose needs --max-uses and --expires-days, because it can be guessed",
  options: {
    percent: "1 to 100, of the package's credit",
    "max-uses?": "by all customers together",
    "per-customer?": "uses, 1 unless told",
    "starts-days?": "days from now",
    "expires-days?": "days from now",
    "customer?": "id or e-mail, who alone may use it",
    "max-bonus?": "USD",
    "min-price?": "USD",
    "code?": "4 to 32 letters and digits; generated unless told",
  },
  async run(needs, values) {
    const now = needs.clock.now()
    const terms = {
      code: values.code,
      customer_id: await customerOf(needs, values),
      source: "operator" as const,
      percent: integerOf(values, "percent"),
      max_bonus_nanos: readUsd(values, "max-bonus") ?? null,
      min_price_cents: readCents(values, "min-price") ?? 0,
      max_use_count: countOf(values, "max-uses"),
      max_use_count_per_customer: positiveOf(values, "per-customer", 1),
      starts_at: timeOf(values, "starts-days", now) ?? now,
      expires_at: timeOf(values, "expires-days", now),
    }
    const code = await needs.store.tx(q => createCode(q, { random: needs.random, now }, terms))
    return toCodeOutput({ ...code, use_count: 0 })
  },
}

const listBonusCodes: Command = {
  name: "code list",
  summary: "Bonus codes with their uses, newest first",
  options: { "customer?": "id or e-mail", "limit?": "rows" },
  async run(needs, values) {
    const page = { limit: positiveOf(values, "limit", 100), customer_id: await customerOf(needs, values) }
    return (await listCodes(needs.store.read, page)).map(toCodeOutput)
  },
}

const disableBonusCode: Command = {
  name: "code disable",
  summary: "Let nobody use a bonus code from now on",
  options: { code: "code" },
  async run(needs, values) {
    const code = await needs.store.tx(q => disableCode(q, values.code!))
    return { code: formatCode(code.code), isEnabled: code.is_enabled }
  },
}

const listRules: Command = {
  name: "rule list",
  summary: "Every rule of rewards and limits, as it is now",
  options: {},
  run: needs =>
    Promise.all(RULE_NAMES.map(async name => ({ name, value: await getRule(needs.store.read, name) }))),
}

const showRule: Command = {
  name: "rule show",
  summary: "One rule, field by field",
  options: { name: RULE_NAMES.join("|") },
  run: (needs, values) => toRuleOutput(needs, readChoice("name", values.name!, RULE_NAMES)),
}

const changeRule: Command = {
  name: "rule set",
  summary: "Change fields of a rule; seen at once, lists are replaced as a whole",
  options: { name: RULE_NAMES.join("|"), patch: 'JSON such as {"percent":15}' },
  async run(needs, values) {
    const name = readChoice("name", values.name!, RULE_NAMES)
    const patch = readJson("patch", values.patch!)
    await needs.store.tx(q => setRule(q, needs.clock.now(), name, patch))
    return toRuleOutput(needs, name)
  },
}

export const offerCommands: readonly Command[] = [
  listOffers,
  setOffer,
  switchOffer("disable", "Take a package off the list; purchases that are open keep it"),
  switchOffer("enable", "Offer a package again"),
  createBonusCode,
  listBonusCodes,
  disableBonusCode,
  listRules,
  showRule,
  changeRule,
]

/** An amount of USD; undefined when it was not given. Throws UsageError. */
function readUsd(values: Values, name: string): Nanos | undefined {
  const raw = values[name]
  if (raw === undefined) return undefined
  const amount_nanos = parseUsd(raw)
  if (amount_nanos === undefined) throw new UsageError(`--${name} must be USD such as 12.50, not ${raw}`)
  return amount_nanos
}

const CENT = centsToNanos(1)

/** The same in whole cents. */
function readCents(values: Values, name: string): number | undefined {
  const amount_nanos = readUsd(values, name)
  if (amount_nanos === undefined) return undefined
  if (amount_nanos % CENT !== 0) throw new UsageError(`--${name} must be whole cents, not ${values[name]}`)
  return amount_nanos / CENT
}

const countOf = (values: Values, name: string): number | null =>
  values[name] === undefined ? null : integerOf(values, name)

const MOST_DAYS = 3_660

/** So many days from now; null when it was not given. Throws UsageError. */
function timeOf(values: Values, name: string, now: number): number | null {
  const days = countOf(values, name)
  if (days !== null && days > MOST_DAYS) throw new UsageError(`--${name} must be at most ${MOST_DAYS}`)
  return days === null ? null : now + days * DAY_MS
}

const customerOf = async (needs: CommandNeeds, { customer }: Values): Promise<string | null> =>
  customer === undefined ? null : (await findCustomer(needs, customer)).id

function readJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is wrong with it is seen by looking at it; the position in a shell's word would not help.
    throw new UsageError(`--${option} must be JSON such as {"percent":15}, not ${text}`)
  }
}

const toPackageOutput = (offer: PackageOffer) => ({
  id: offer.id,
  label: offer.label,
  priceUsd: formatUsd(centsToNanos(offer.price_cents)),
  creditUsd: formatUsd(offer.credit_nanos),
  vipDays: offer.vip_days,
  position: offer.position,
  isEnabled: offer.is_enabled,
})

const toCodeOutput = (code: ListedCode) => ({
  code: formatCode(code.code),
  customerId: code.customer_id,
  source: code.source,
  percent: code.percent,
  maxBonusUsd: code.max_bonus_nanos === null ? null : formatUsd(code.max_bonus_nanos),
  minPriceUsd: formatUsd(centsToNanos(code.min_price_cents)),
  useCount: code.use_count,
  maxUses: code.max_use_count,
  perCustomer: code.max_use_count_per_customer,
  startsAt: toIso(code.starts_at),
  expiresAt: toIsoOrNull(code.expires_at),
  isEnabled: code.is_enabled,
})

const toRuleOutput = async (needs: CommandNeeds, name: RuleName) => ({
  name,
  ...(await getRule(needs.store.read, name)),
})
