/** HTTP for a customer's API keys. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped, type Caller, createKey, type KeyRow, listKeys, revokeKey } from "../../auth/keys.ts"
import { AppError } from "../../platform/errors.ts"
import { readJsonBody } from "../../platform/json-body.ts"
import { nextCursorOf, PageQuery, problems, Time, toIso, toIsoOrNull } from "../../platform/schema.ts"
import type { RegisterNeeds } from "../register/register.ts"

const KeyView = t.Object({
  id: t.String(),
  kind: t.Union([t.Literal("system"), t.Literal("user")]),
  name: t.String(),
  hint: t.String({ description: "Prefix and last four characters" }),
  models: t.Nullable(t.Array(t.String()), { description: "Models the key may use; null is all" }),
  expiresAt: t.Nullable(Time),
  createdAt: Time,
})

const NewKey = t.Object({
  name: t.String({ minLength: 1, maxLength: 80 }),
  models: t.Optional(t.Array(t.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 100 })),
  expiresAt: t.Optional(Time),
})

export const apiKeyRoutes = (needs: GuardNeeds & RegisterNeeds) =>
  new Elysia({ prefix: "/api/v1/me/api-keys" })
    .use(bearer(needs))
    .get(
      "",
      async ({ caller, query }) => {
        const { limit, cursor } = query
        const page = { customer_id: caller.customer_id, limit, before: cursor }
        const keys = await listKeys(needs.store.read, page)
        return { data: keys.map(toApiKey), nextCursor: nextCursorOf(keys, limit) }
      },
      {
        query: t.Object(PageQuery),
        response: {
          200: t.Object({ data: t.Array(KeyView), nextCursor: t.Nullable(t.String()) }),
          ...problems(401, 422),
        },
        detail: { tags: ["auth"], summary: "List the current customer's System Token and User API Keys" },
      },
    )
    .post("", async ({ caller, body, status }) => status(201, await addKey(needs, caller, body)), {
      parse: readJsonBody,
      body: NewKey,
      response: {
        201: t.Object({
          id: t.String(),
          name: t.String(),
          key: t.String({ description: "The key itself, shown only now" }),
        }),
        ...problems(400, 401, 403, 409, 413, 415, 422),
      },
      detail: { tags: ["auth"], summary: "Create a wallet-linked User API Key for the current customer" },
    })
    .delete(
      "/:key_id",
      async ({ caller, params }) => {
        await removeKey(needs, caller, params.key_id)
        return { id: params.key_id, revoked: true as const }
      },
      {
        // A body would be nobody's: it is not read.
        parse: () => null,
        params: t.Object({ key_id: t.String({ maxLength: 64 }) }),
        response: {
          200: t.Object({ id: t.String(), revoked: t.Literal(true) }),
          ...problems(401, 403, 404, 409),
        },
        detail: { tags: ["auth"], summary: "Revoke one of the current customer's User API Keys" },
      },
    )

async function addKey(needs: RegisterNeeds, caller: Caller, body: typeof NewKey.static) {
  assertUnscoped(caller, "manage keys")
  const { customer_id } = caller
  const expires_at = body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt)
  if (expires_at !== undefined && expires_at <= needs.clock.now()) {
    throw new AppError("invalid", "expiresAt must be in the future.", { field: "expiresAt" })
  }
  return needs.store.tx(async q => {
    const key = await createKey(q, needs, {
      customer_id,
      kind: "user",
      name: body.name,
      ...(body.models && { models: body.models }),
      ...(expires_at !== undefined && { expires_at }),
    })
    q.afterCommit(() => needs.events.emit("key-created", { customer_id, key_id: key.id }))
    return { id: key.id, name: body.name, key: key.token }
  })
}

async function removeKey(needs: RegisterNeeds, caller: Caller, key_id: string): Promise<void> {
  assertUnscoped(caller, "manage keys")
  const key = { customer_id: caller.customer_id, key_id }
  await needs.store.tx(async q => {
    await revokeKey(q, needs, key)
    q.afterCommit(() => needs.events.emit("key-revoked", key))
  })
}

const toApiKey = (key: KeyRow) => ({
  id: key.id,
  kind: key.kind,
  name: key.name,
  hint: key.hint,
  models: key.models,
  expiresAt: toIsoOrNull(key.expires_at),
  createdAt: toIso(key.created_at),
})
