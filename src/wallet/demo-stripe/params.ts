/** Reads checked values out of a form, refusing in Stripe's words and with Stripe's names of parameters. */
import type { Form } from "./form.ts"
import { codeOf, Refusal, refuseParam } from "./refusal.ts"

/** Parameters and where they lie: `path` is "" at the top, `line_items[0]` further down. */
export interface Params {
  form: Form
  path: string
}

/** One call of an endpoint: the id in its URL (empty when there is none) and its parameters. */
export interface Call {
  id: string
  params: Params
}

const nameOf = (params: Params, name: string): string => (params.path ? `${params.path}[${name}]` : name)

/** Refuses every name that is not among the known ones. */
export function refuseUnknown(params: Params, known: readonly string[]): void {
  const unknown = Object.keys(params.form).find(name => !known.includes(name))
  if (unknown === undefined) return
  const name = nameOf(params, unknown)
  refuseParam(name, `Received unknown parameter: ${name}`, "parameter_unknown")
}

/** A text; undefined when absent, refused when empty. */
export function readText(params: Params, name: string, longest = 5000): string | undefined {
  const value = params.form[name]
  if (value === undefined) return undefined
  const param = nameOf(params, name)
  if (typeof value !== "string") refuseParam(param, `Invalid string: ${JSON.stringify(value)}`)
  if (value === "") {
    const message =
      `You passed an empty string for '${param}'. We assume empty values are an attempt to unset a parameter; ` +
      `however '${param}' cannot be unset. You should remove '${param}' from your request or supply a non-empty value.`
    refuseParam(param, message, "parameter_invalid_empty")
  }
  if (value.length > longest) {
    const message = `Invalid string: ${value.slice(0, 20)}…; must be at most ${longest} characters`
    refuseParam(param, message, "parameter_invalid_string_blank")
  }
  return value
}

/** A text that an empty value unsets: null then. */
export function readUnsettable(params: Params, name: string, longest?: number): string | null | undefined {
  return params.form[name] === "" ? null : readText(params, name, longest)
}

export function requireText(params: Params, name: string): string {
  return readText(params, name) ?? refuseAbsent(nameOf(params, name))
}

function refuseAbsent(param: string): never {
  refuseParam(param, `Missing required param: ${param}.`, "parameter_missing")
}

/** One of a few words. */
export function readWord<const W extends string>(
  params: Params,
  name: string,
  words: readonly W[],
): W | undefined {
  const value = readText(params, name)
  const word = words.find(word => word === value)
  if (value === undefined || word !== undefined) return word
  return refuseParam(nameOf(params, name), `Invalid ${name}: must be one of ${words.join(", ")}`)
}

export function readFlag(params: Params, name: string): boolean | undefined {
  const value = readText(params, name)
  if (value === undefined || value === "true" || value === "false") return value && value === "true"
  return refuseParam(nameOf(params, name), `Invalid boolean: ${value}`)
}

/** A whole number, refused below `least` and above `most`. */
export function readInteger(
  params: Params,
  name: string,
  range: { least?: number; most?: number } = {},
): number | undefined {
  const value = readText(params, name)
  if (value === undefined) return undefined
  const param = nameOf(params, name)
  const number = Number(value)
  if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number)) {
    refuseParam(param, `Invalid integer: ${value}`, "parameter_invalid_integer")
  }
  const { least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER } = range
  const [sign, bound] = number < least ? ["greater", least] : ["less", most]
  if (number < least || number > most) {
    const message = `This value must be ${sign} than or equal to ${bound} (it currently is '${number}').`
    refuseParam(param, message, "parameter_invalid_integer")
  }
  return number
}

export function requireInteger(params: Params, name: string): number {
  return readInteger(params, name) ?? refuseAbsent(nameOf(params, name))
}

/** An address of http or https; Stripe refuses others. */
export function readUrl(params: Params, name: string): string | undefined {
  const value = readText(params, name)
  if (value === undefined || isWebAddress(value)) return value
  return refuseParam(nameOf(params, name), "Not a valid URL", "url_invalid")
}

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

/** The parameters within `name[…]`. */
export function readGroup(params: Params, name: string): Params | undefined {
  const form = params.form[name]
  if (form === undefined || form === "") return undefined
  const path = nameOf(params, name)
  if (typeof form === "string") refuseParam(path, "Invalid object")
  return { form, path }
}

/** The entries of a list, each as parameters of its own. */
export function readGroups(params: Params, name: string): Params[] {
  const list = readGroup(params, name)
  return list ? Object.keys(list.form).flatMap(key => readGroup(list, key) ?? []) : []
}

/** The entries of a list of texts. */
export function readTexts(params: Params, name: string): string[] {
  const list = readGroup(params, name)
  return list ? Object.keys(list.form).map(key => requireText(list, key)) : []
}

/** Metadata after a change: empty values delete; source of the limits: https://docs.stripe.com/api/metadata. */
export function readMetadata(
  params: Params,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  if (params.form.metadata === "") return {}
  const group = readGroup(params, "metadata")
  const metadata = { ...before }
  for (const name of Object.keys(group?.form ?? {})) {
    const value = readUnsettable(group!, name)
    const param = `${group!.path}[${name}]`
    if (name.length > 40) refuseParam(param, "Metadata keys can be at most 40 characters")
    if ((value?.length ?? 0) > 500) refuseParam(param, "Metadata values can have up to 500 characters")
    if (typeof value === "string") metadata[name] = value
    else delete metadata[name]
  }
  if (Object.keys(metadata).length > 50) refuseParam("metadata", "Metadata can have at most 50 keys")
  return metadata
}

const CURRENCIES = ["usd", "eur", "gbp", "chf", "cad", "aud"]

/** A currency in lower case. */
export function requireCurrency(params: Params): string {
  const currency = requireText(params, "currency").toLowerCase()
  if (CURRENCIES.includes(currency)) return currency
  const message = `Invalid currency: ${currency}. This demonstration supports: ${CURRENCIES.join(", ")}`
  return refuseParam(nameOf(params, "currency"), message)
}

const SMALLEST_CENTS = 50
const LARGEST_CENTS = 99_999_999

/** Refuses an amount below 0.50 or above 999,999.99, as Stripe does for these currencies. */
export function refuseAmount(amount: number, currency: string, what: string, param = "amount"): void {
  if (amount >= SMALLEST_CENTS && amount <= LARGEST_CENTS) return
  const [words, bound, code] =
    amount < SMALLEST_CENTS
      ? ["at least", SMALLEST_CENTS, "amount_too_small"]
      : ["no more than", LARGEST_CENTS, "amount_too_large"]
  const message = `${what} must be ${words} ${formatCents(Number(bound), currency)}`
  throw new Refusal(400, { ...codeOf(String(code)), message, param, type: "invalid_request_error" }, false)
}

/** `$10.00 usd`, `€10.00 eur`, as Stripe's messages write amounts. */
export function formatCents(amount: number, currency: string): string {
  const sign = new Map([
    ["usd", "$"],
    ["eur", "€"],
    ["gbp", "£"],
  ]).get(currency)
  const whole = Math.trunc(amount / 100).toLocaleString("en-US")
  return `${sign ?? ""}${whole}.${String(amount % 100).padStart(2, "0")} ${currency}`
}
