/** HTTP for the wallet snapshot, cheap enough to poll. */
import { Elysia, t } from "elysia"
import { bearer } from "../auth/bearer.ts"
import type { GuardNeeds } from "../auth/guard.ts"
import { problems } from "../platform/schema.ts"
import type { Store } from "../platform/store.ts"
import { getBalances } from "./ledger/accounts.ts"
import { toApiWallet, Wallet } from "./status.ts"

export const walletRoutes = (needs: GuardNeeds & { store: Store }) =>
  new Elysia({ prefix: "/api/v1/wallet" }).use(bearer(needs)).get(
    "/status",
    async ({ caller, set, request, status }) => {
      const wallet = toApiWallet(await getBalances(needs.store.read, caller.customer_id))
      const etag = `"${Bun.hash(JSON.stringify(wallet)).toString(36)}"`
      set.headers.etag = etag
      set.headers["cache-control"] = "private, no-cache"
      if (isMatch(request.headers.get("if-none-match"), etag)) return status(304, undefined)
      return wallet
    },
    {
      response: { 200: Wallet, 304: t.Void(), ...problems(401) },
      detail: { tags: ["billing"], summary: "Read a lightweight wallet balance snapshot for CLI launchers" },
    },
  )

/** RFC 9110 13.1.2: a list of tags or `*`, compared weakly, because a proxy that compresses weakens the tag. */
const isMatch = (asked: string | null, etag: string): boolean =>
  asked?.split(",").some(tag => ["*", etag].includes(tag.trim().replace(/^W\//, ""))) ?? false
