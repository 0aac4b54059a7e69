/** Liveness for people, proxies and monitors. */
import { Elysia, t } from "elysia"
import type { Catalog } from "../gateway/catalog/catalog.ts"
import type { Store } from "../platform/store.ts"
import { VERSION } from "../platform/version.ts"

export interface SystemNeeds {
  config: { brand_name: string }
  store: Store
  catalog: Catalog
}

export const systemRoutes = (needs: SystemNeeds) =>
  new Elysia()
    .get("/", () => ({ name: needs.config.brand_name, version: VERSION, documentation: "/swagger" }), {
      response: t.Object({ name: t.String(), version: t.String(), documentation: t.String() }),
      detail: { tags: ["system"], security: [], summary: "Name and version" },
    })
    // Claude Code probes with HEAD / before its first request (claude-code-wire 2).
    .head("/", () => new Response(null), { detail: { hide: true } })
    .get(
      "/health",
      async () => {
        await needs.store.read.get("SELECT 1 AS alive")
        return { status: "ok" as const, version: VERSION, modelCount: needs.catalog.list().length }
      },
      {
        response: t.Object({ status: t.Literal("ok"), version: t.String(), modelCount: t.Integer() }),
        detail: { tags: ["system"], security: [], summary: "Liveness: the database answers" },
      },
    )
