/** The guard as an Elysia plugin: routes that use it have `caller`, or answer 401 before anything is validated. */
import { Elysia } from "elysia"
import { authenticate, clientAddress, type GuardNeeds } from "./guard.ts"

/** `derive` runs before validation, so that a stranger learns nothing of a route's shape. */
export const bearer = (needs: GuardNeeds) =>
  new Elysia({ name: "bearer" }).derive({ as: "scoped" }, async ({ request, server }) => ({
    caller: await authenticate(needs, request, clientAddress(request, server?.requestIP(request)?.address)),
  }))
