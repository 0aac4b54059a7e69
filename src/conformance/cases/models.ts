/** The model list: one body for OpenAI, Anthropic and Codex clients, and one model by its name. */
import type { Case } from "../case.ts"
import { expectEqual, expectThat, notApplicable } from "../finding.ts"
import { listAt, numberAt, objectOf, type Probe, textAt, valueAt } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"

/** Every field without which the Codex CLI drops the whole list (codex-cli-wire 2.2). */
const CODEX_FIELDS = [
  "slug",
  "display_name",
  "supported_reasoning_levels",
  "shell_type",
  "visibility",
  "supported_in_api",
  "priority",
  "base_instructions",
  "supports_reasoning_summaries",
  "support_verbosity",
  "truncation_policy",
  "supports_parallel_tool_calls",
  "experimental_supported_tools",
]

async function listModels({ ask }: Probe, query = ""): Promise<Record<string, unknown>> {
  const answer = await ask(`/v1/models${query}`)
  expectThat(answer.status === 200, "GET /v1/models to answer 200", answer.status)
  return objectOf(answer)
}

const isDate = (text: string): boolean => !Number.isNaN(Date.parse(text))

export const MODEL_CASES: readonly Case[] = [
  {
    id: "models.list-openai",
    group: "models",
    title: "lists models as OpenAI's SDK reads them",
    async run(probe) {
      const body = await listModels(probe)
      expectEqual("object", body.object, "list")
      const models = listAt(body, "data")
      expectThat(models.length > 0, "at least one model", body)
      for (const model of models) {
        expectThat(textAt(model, "id") !== "", "an id", model)
        expectEqual("object", valueAt(model, "object"), "model")
        expectThat(Number.isInteger(numberAt(model, "created")), "created in Unix seconds", model)
        expectThat(textAt(model, "owned_by") !== "", "owned_by", model)
      }
    },
  },
  {
    id: "models.list-anthropic",
    group: "models",
    title: "lists models as Anthropic's SDK and Claude Code's discovery read them, in the same body",
    async run(probe) {
      const body = await listModels(probe, "?limit=1000")
      const models = listAt(body, "data")
      const is_foreign = models.every(model => valueAt(model, "display_name") === undefined)
      if (!probe.target.is_ours && is_foreign) notApplicable("the list is OpenAI's only")
      expectEqual("has_more", body.has_more, false)
      expectEqual("first_id", body.first_id, textAt(models[0], "id"))
      expectEqual("last_id", body.last_id, textAt(models.at(-1), "id"))
      for (const model of models) {
        expectEqual("type", valueAt(model, "type"), "model")
        expectThat(textAt(model, "display_name") !== "", "display_name", model)
        expectThat(isDate(textAt(model, "created_at")), "created_at as a date", model)
      }
    },
  },
  {
    id: "models.list-codex",
    group: "models",
    title: "adds full ModelInfo for the Codex CLI when client_version is sent (codex-cli-wire 2.2)",
    async run(probe) {
      const body = await listModels(probe, "?client_version=0.142.2")
      if (!probe.target.is_ours && body.models === undefined) notApplicable("no list for the Codex CLI")
      const infos = listAt(body, "models")
      expectEqual("one ModelInfo per model", infos.length, listAt(body, "data").length)
      for (const info of infos) {
        const missing = CODEX_FIELDS.filter(field => valueAt(info, field) === undefined)
        expectEqual(`what ${textAt(info, "slug")} lacks`, missing, [])
      }
    },
  },
  {
    id: "models.retrieve",
    group: "models",
    title: "retrieves each listed model by its name, with a slash in it as %2F and as /",
    async run(probe) {
      const models = listAt(await listModels(probe), "data").map(model => textAt(model, "id"))
      const with_slash = models.find(id => id.includes("/"))
      const paths = [encodeURIComponent(probe.target.model)]
      if (with_slash !== undefined) paths.push(encodeURIComponent(with_slash), with_slash)
      for (const path of paths) {
        const answer = await probe.ask(`/v1/models/${path}`)
        expectThat(answer.status === 200, `GET /v1/models/${path} to answer 200`, answer.text)
        expectEqual("id", objectOf(answer).id, decodeURIComponent(path))
      }
    },
  },
  {
    id: "models.unknown",
    group: "models",
    title: "answers 404 in OpenAI's shape for an unknown model, also with an encoded slash, naming it",
    async run({ ask }) {
      for (const path of ["no-such-model", "no-such-vendor%2Fmodel:free", "no-such-vendor/model:free"]) {
        const answer = await ask(`/v1/models/${path}`)
        expectRefusal(answer, "/v1/responses", { status: 404, code: "model_not_found" })
        const name = decodeURIComponent(path)
        expectThat(answer.text.includes(name), `the message to name ${name}`, answer.text)
      }
    },
  },
]
