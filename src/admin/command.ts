/** What an operator's command is, and how its words become a checked call; not what any of them does. */
import { parseArgs } from "node:util"
import type { RegisterNeeds } from "../account/register/register.ts"
import type { Catalog } from "../gateway/catalog/catalog.ts"
import type { Config } from "../platform/config.ts"
import type { Store } from "../platform/store.ts"

/** Thrown for words that do not fit; the message says what would. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

export interface CommandNeeds extends RegisterNeeds {
  catalog: Catalog
  cache: Store
  config: Config
}

/** Option values by name; a flag that was not given is absent. */
export type Values = Record<string, string | undefined>

/** What a command prints: a record, or a list shown as a table. */
export type Output = Record<string, unknown> | Record<string, unknown>[]

export interface Command {
  /** The words that call it, e.g. `customer create`. */
  name: string
  summary: string
  /** Option name → what its value is; a name that ends in `?` is optional, `!` is a flag without a value. */
  options: Record<string, string>
  run(needs: CommandNeeds, values: Values): Promise<Output>
}

/** Reads `--name value` words against a command's options. Throws UsageError. */
export function readValues(command: Command, words: string[]): Values {
  const names = Object.keys(command.options)
  const options = Object.fromEntries(
    names.map(name => [
      plain(name),
      { type: name.endsWith("!") ? ("boolean" as const) : ("string" as const) },
    ]),
  )
  const values: Values = {}
  try {
    const parsed = parseArgs({ args: words, options, strict: true, allowPositionals: false })
    for (const [name, value] of Object.entries(parsed.values)) values[name] = String(value)
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n${usageOf(command)}`)
  }
  const missing = names.filter(name => !/[?!]$/.test(name) && values[name] === undefined)
  if (missing.length > 0) {
    throw new UsageError(`missing: ${missing.map(name => `--${name}`).join(", ")}\n${usageOf(command)}`)
  }
  return values
}

const plain = (name: string) => name.replace(/[?!]$/, "")

/** `codexapi admin customer credit --customer <id> …`. */
export function usageOf(command: Command): string {
  const words = Object.entries(command.options).map(([name, what]) => {
    if (name.endsWith("!")) return `[--${plain(name)}]`
    return name.endsWith("?") ? `[--${plain(name)} <${what}>]` : `--${name} <${what}>`
  })
  return `usage: codexapi admin ${command.name} ${words.join(" ")} [--json]`
}

/** A whole number option. Throws UsageError. */
export function integerOf(values: Values, name: string, fallback?: number): number {
  const raw = values[name]
  if (raw === undefined && fallback !== undefined) return fallback
  if (raw === undefined || !/^\d{1,15}$/.test(raw))
    throw new UsageError(`--${name} must be a whole number, not ${raw}`)
  return Number(raw)
}

/** A whole number option above 0. Throws UsageError. */
export function positiveOf(values: Values, name: string, fallback: number): number {
  const value = integerOf(values, name, fallback)
  if (value === 0) throw new UsageError(`--${name} must be above 0`)
  return value
}

/** What an output looks like on a terminal. */
export function render(output: Output): string {
  if (!Array.isArray(output)) {
    const width = Math.max(...Object.keys(output).map(key => key.length))
    return Object.entries(output)
      .map(([key, value]) => `${key.padEnd(width)}  ${show(value)}`)
      .join("\n")
  }
  const [first] = output
  if (!first) return "(none)"
  const columns = Object.keys(first)
  const rows = [columns, ...output.map(row => columns.map(column => show(row[column])))]
  const widths = columns.map((_, index) => Math.max(...rows.map(row => row[index]!.length)))
  return rows
    .map(row =>
      row
        .map((cell, index) => cell.padEnd(widths[index]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

const show = (value: unknown): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "-")
