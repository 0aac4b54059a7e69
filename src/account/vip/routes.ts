/** HTTP for VIP Priority: whether one has it, until when and why. */
import { Elysia } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import type { Clock } from "../../platform/clock.ts"
import { problems } from "../../platform/schema.ts"
import type { Store } from "../../platform/store.ts"
import { getVipStatus, VipStatus } from "./vip-status.ts"

export const vipRoutes = (needs: GuardNeeds & { store: Store; clock: Clock }) =>
  new Elysia({ prefix: "/api/v1" })
    .use(bearer(needs))
    .get("/vip", ({ caller }) => getVipStatus(needs, caller.customer_id), {
      response: { 200: VipStatus, ...problems(401) },
      detail: { tags: ["auth"], summary: "Read the current customer's VIP Priority server access" },
    })
