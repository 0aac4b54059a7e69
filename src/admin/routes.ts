/** The operator's own HTTP routes; customers' documentation never lists them, and strangers get 404. */
import { Elysia } from "elysia"
import { findAdminKey } from "../auth/admin-keys.ts"
import { readToken } from "../auth/guard.ts"
import type { Vault } from "../auth/vault.ts"
import { toApiHealth } from "../gateway/routing/route-report.ts"
import type { Routing } from "../gateway/routing/routing.ts"
import { AppError } from "../platform/errors.ts"
import type { Metrics } from "../platform/metrics.ts"
import type { Store } from "../platform/store.ts"

export interface AdminNeeds {
  store: Store
  vault: Vault
  metrics: Metrics
  routing: Routing
}

export const adminRoutes = (needs: AdminNeeds) =>
  new Elysia()
    .get(
      "/metrics",
      async ({ request, set }) => {
        await assertAdmin(needs, request)
        set.headers["content-type"] = needs.metrics.registry.contentType
        return needs.metrics.registry.metrics()
      },
      { detail: { hide: true } },
    )
    // Health is in this process's memory: no command of another process could show it.
    .get(
      "/api/v1/admin/routes/health",
      async ({ request }) => {
        await assertAdmin(needs, request)
        return { data: needs.routing.health().map(toApiHealth) }
      },
      { detail: { hide: true } },
    )

/** Throws the same `not_found` as for an address that does not exist. */
async function assertAdmin(needs: AdminNeeds, request: Request): Promise<void> {
  const token = readToken(request.headers)
  const admin = token && (await findAdminKey(needs.store.read, needs, token))
  if (admin) return
  throw new AppError("not_found", "There is nothing at this address. /swagger lists every endpoint.", {
    code: "no_such_endpoint",
  })
}
