/** The operator's commands for other names of models: what clients may send instead of a model's own name. */
import { listAliases } from "../../gateway/catalog/aliases.ts"
import { type Command, UsageError } from "../command.ts"
import { assertExists } from "./lookup.ts"

const addAlias: Command = {
  name: "model alias add",
  summary: "Let another name lead to a model; with * at its end, every name that begins so",
  options: { alias: "name, e.g. claude-haiku-*", model: "id" },
  async run(needs, values) {
    const { alias, model } = values
    if (!/^[^*]*\*?$/.test(alias!) || alias === "") {
      throw new UsageError(`--alias may have a * only at its end, not ${JSON.stringify(alias)}`)
    }
    await assertExists(needs, "model", model!)
    await needs.store.tx(q =>
      q.run(
        `INSERT INTO model_alias (alias, model_id, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (alias) DO UPDATE SET model_id = ?2`,
        alias!,
        model!,
        needs.clock.now(),
      ),
    )
    await needs.catalog.reload()
    // A served model's own name comes first, and a longer alias before a shorter one.
    return { alias, model, leadsTo: needs.catalog.find(alias!.replace(/\*$/, ""))?.id ?? null }
  },
}

const listModelAliases: Command = {
  name: "model alias list",
  summary: "Other names of models",
  options: {},
  async run(needs) {
    const rows = await listAliases(needs.store.read)
    await needs.catalog.reload()
    const served = new Set(needs.catalog.list().map(model => model.id))
    return rows.map(({ alias, model_id }) => ({ alias, model: model_id, isServed: served.has(model_id) }))
  },
}

const removeAlias: Command = {
  name: "model alias remove",
  summary: "Remove another name of a model",
  options: { alias: "name" },
  async run(needs, values) {
    const { alias } = values
    const removed_count = await needs.store.tx(q => q.run("DELETE FROM model_alias WHERE alias = ?", alias!))
    if (removed_count === 0)
      throw new UsageError(`there is no alias ${alias}; \`codexapi admin model alias list\` shows them`)
    await needs.catalog.reload()
    return { alias, removed: true }
  },
}

export const aliasCommands: readonly Command[] = [addAlias, listModelAliases, removeAlias]
