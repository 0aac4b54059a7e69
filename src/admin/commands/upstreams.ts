/** The operator's commands for upstreams: where models are bought, by preset or by hand. */
import { PROTOCOLS, readQuirks } from "../../gateway/catalog/catalog.ts"
import { PRESET_NAMES, PRESETS, type Preset } from "../../gateway/catalog/presets.ts"
import { addPresetRoutes } from "../../gateway/catalog/routes.ts"
import type { Protocol } from "../../gateway/protocol/model-request.ts"
import { AppError } from "../../platform/errors.ts"
import type { SqlValue } from "../../platform/store.ts"
import { type Command, type CommandNeeds, integerOf, UsageError, type Values } from "../command.ts"
import { readChoice, readList, readUrl } from "../option-values.ts"
import { assertExists } from "./lookup.ts"

/** Limits that an upstream may have of tool names; the CHECK of the table says the same. */
const TOOL_NAME_LENGTH = { default: 64, min: 16, max: 256 }

const LIMIT_OPTIONS = {
  "quirks?": "a,b instead of those there are",
  "quirk?": "one more",
  "tool-name-length?": "longest tool name, default 64",
  "max-concurrency?": "requests at once, 0 is no limit",
}

const addUpstream: Command = {
  name: "upstream add",
  summary: "Add an upstream by preset or by hand; its key is sealed into the database",
  options: {
    "preset?": PRESET_NAMES.join("|"),
    "id?": "short name, default the preset's",
    "base-url?": "address up to and with /v1",
    "key?": "API key",
    "protocol?": PROTOCOLS.join("|"),
    ...LIMIT_OPTIONS,
  },
  async run(needs, values) {
    const upstream = readUpstream(values)
    const { id, protocol, base_url, preset } = upstream
    const sealed_key = values.key === undefined ? null : needs.vault.seal(values.key, `upstream:${id}`)
    const now = needs.clock.now()
    const added_count = await needs.store.tx(async q => {
      await q.run(
        `INSERT INTO upstream (id, protocol, base_url, key_env, sealed_key, is_enabled, created_at, quirks,
           tool_name_length, max_concurrency)
         VALUES (?1, ?2, ?3, NULL, ?4, 1, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET protocol = ?2, base_url = ?3, key_env = NULL, sealed_key = ?4,
           is_enabled = 1, quirks = ?6, tool_name_length = ?7, max_concurrency = ?8`,
        id,
        protocol,
        base_url,
        sealed_key,
        now,
        JSON.stringify(upstream.quirks),
        upstream.tool_name_length,
        upstream.max_concurrency,
      )
      return preset ? addPresetRoutes(q, { newId: needs.newId, now }, { upstream_id: id, preset }) : 0
    })
    const { quirks } = upstream
    return { id, protocol, baseUrl: base_url, hasKey: sealed_key !== null, quirks, routesAdded: added_count }
  },
}

interface NewUpstream {
  id: string
  protocol: Protocol
  base_url: string
  quirks: string[]
  tool_name_length: number
  max_concurrency: number | null
  preset: Preset | undefined
}

/** What was not said comes from the preset. Throws UsageError. */
function readUpstream(values: Values): NewUpstream {
  const name = values.preset === undefined ? undefined : readChoice("preset", values.preset, PRESET_NAMES)
  const preset = name && PRESETS[name]
  const id = values.id ?? name
  const base_url = values["base-url"] ?? preset?.base_url
  if (id === undefined) throw new UsageError("missing: --id, or --preset, which has a name")
  if (base_url === undefined) {
    throw new UsageError("missing: --base-url, e.g. --base-url http://127.0.0.1:8000/v1")
  }
  return {
    id,
    protocol: readChoice("protocol", values.protocol ?? preset?.protocol ?? PROTOCOLS[0], PROTOCOLS),
    base_url: readUrl(base_url),
    quirks: readQuirkOptions(values, preset?.quirks ?? []),
    tool_name_length: readToolNameLength(values) ?? TOOL_NAME_LENGTH.default,
    max_concurrency: readConcurrency(values) ?? null,
    preset,
  }
}

const updateUpstream: Command = {
  name: "upstream update",
  summary: "Change what is given of an upstream and leave the rest",
  options: {
    id: "id",
    "base-url?": "address up to and with /v1",
    "key?": "API key",
    "protocol?": PROTOCOLS.join("|"),
    ...LIMIT_OPTIONS,
  },
  async run(needs, values) {
    const id = values.id!
    await assertExists(needs, "upstream", id)
    await assertOwnAddress(needs, values)
    const stored = await needs.store.read.get<{ quirks: string }>(
      "SELECT quirks FROM upstream WHERE id = ?",
      id,
    )
    const changes = readChanges(needs, values, JSON.parse(stored?.quirks ?? "[]"))
    const columns = Object.keys(changes)
    if (columns.length === 0) throw new UsageError("nothing to change: give at least one option beside --id")
    const set = columns.map(column => `${column} = ?`).join(", ")
    await needs.store.tx(q => q.run(`UPDATE upstream SET ${set} WHERE id = ?`, ...Object.values(changes), id))
    return {
      id,
      changed: columns
        .filter(column => column !== "key_env")
        .map(toOption)
        .join(", "),
    }
  },
}

const toOption = (column: string): string => (column === "sealed_key" ? "key" : column.replaceAll("_", "-"))

/** The next start would write the environment's address over another one. */
async function assertOwnAddress(needs: CommandNeeds, values: Values): Promise<void> {
  if (values["base-url"] === undefined || values.key !== undefined) return
  const row = await needs.store.read.get<{ key_env: string | null }>(
    "SELECT key_env FROM upstream WHERE id = ?",
    values.id!,
  )
  if (!row?.key_env) return
  const variable = row.key_env.replace(/_API_KEY$/, "_BASE_URL")
  throw new UsageError(
    `${values.id} has its address from the environment: set ${variable}, or give --key too to take it over`,
  )
}

/** New values by column, only of what was given. */
function readChanges(needs: CommandNeeds, values: Values, stored: string[]): Record<string, SqlValue> {
  const { key, protocol, id } = values
  const base_url = values["base-url"]
  const has_quirks = values.quirks !== undefined || values.quirk !== undefined
  const tool_name_length = readToolNameLength(values)
  const max_concurrency = readConcurrency(values)
  return {
    ...(base_url !== undefined && { base_url: readUrl(base_url) }),
    ...(key !== undefined && { sealed_key: needs.vault.seal(key, `upstream:${id}`), key_env: null }),
    ...(protocol !== undefined && { protocol: readChoice("protocol", protocol, PROTOCOLS) }),
    ...(has_quirks && { quirks: JSON.stringify(readQuirkOptions(values, stored)) }),
    ...(tool_name_length !== undefined && { tool_name_length }),
    ...(max_concurrency !== undefined && { max_concurrency }),
  }
}

/** `--quirks a,b` takes the place of those there are, `--quirk c` is one more. Throws UsageError. */
function readQuirkOptions({ quirks, quirk }: Values, present: readonly string[]): string[] {
  const base = quirks === undefined ? present : readList(quirks)
  try {
    return readQuirks([...new Set([...base, ...readList(quirk ?? "")])])
  } catch (error) {
    // The catalogue's sentence lists what there is; here it is the words that do not fit.
    if (error instanceof AppError) throw new UsageError(`--quirks: ${error.message}`)
    throw error
  }
}

function readToolNameLength(values: Values): number | undefined {
  if (values["tool-name-length"] === undefined) return undefined
  const length = integerOf(values, "tool-name-length")
  const { min, max } = TOOL_NAME_LENGTH
  if (length >= min && length <= max) return length
  throw new UsageError(`--tool-name-length must be from ${min} to ${max}, not ${length}`)
}

/** `null` is no limit, `undefined` not given. */
function readConcurrency(values: Values): number | null | undefined {
  if (values["max-concurrency"] === undefined) return undefined
  return integerOf(values, "max-concurrency") || null
}

interface ListedUpstream {
  quirks: string
  isEnabled: number
}

const listUpstreams: Command = {
  name: "upstream list",
  summary: "Upstreams: protocol, quirks, limits, and where their keys come from",
  options: {},
  async run(needs) {
    const rows = await needs.store.read.all<ListedUpstream>(
      `SELECT id, protocol, base_url AS baseUrl, CASE WHEN key_env IS NOT NULL THEN 'environment ' || key_env
         WHEN sealed_key IS NOT NULL THEN 'sealed' ELSE 'none' END AS keyFrom, quirks,
         tool_name_length AS toolNameLength, max_concurrency AS maxConcurrency, is_enabled AS isEnabled,
         (SELECT count(*) FROM route WHERE route.upstream_id = upstream.id) AS routes
       FROM upstream ORDER BY id`,
    )
    return rows.map(row => ({ ...row, quirks: (JSON.parse(row.quirks) as string[]).join(", ") }))
  },
}

const listPresets: Command = {
  name: "upstream presets",
  summary: "Kinds of upstream that `upstream add --preset` knows",
  options: {},
  run: async () =>
    PRESET_NAMES.map(name => {
      const { summary, protocol, base_url, quirks, models } = PRESETS[name]
      return {
        preset: name,
        summary,
        protocol,
        baseUrl: base_url ?? "--base-url",
        quirks: quirks.join(", "),
        models: Object.keys(models).length,
      }
    }),
}

export const upstreamCommands: readonly Command[] = [addUpstream, updateUpstream, listUpstreams, listPresets]
