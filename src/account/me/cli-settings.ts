/** What a customer puts into the Codex CLI's configuration to use this server. */
import { t } from "elysia"

export interface CliNeeds {
  config: { brand_name: string; public_url: string | undefined }
}

export const CliSettings = t.Object({
  providerId: t.String(),
  providerName: t.String(),
  baseUrl: t.String({ description: "base_url of the provider" }),
  envKey: t.String({ description: "Environment variable that holds the API key" }),
  wireApi: t.Literal("responses"),
  officialCliVersion: t.String({ description: "The Codex CLI release this server is tested with" }),
})

/** `origin` is where the request came in: used while no public address is configured. */
export const getCliSettings = (needs: CliNeeds, origin: string) => ({
  providerId: "codexapi",
  providerName: needs.config.brand_name,
  baseUrl: `${needs.config.public_url ?? origin}/v1`,
  envKey: "CODEXAPI_CODEX_API_KEY",
  wireApi: "responses" as const,
  officialCliVersion: "0.142.2",
})
