/** The guard as an Elysia plugin: routes that use it have `caller`, or answer 401 before anything is read. */
import { Elysia } from "elysia"
import { authenticate, clientAddress, type GuardNeeds } from "./guard.ts"
import type { Caller } from "./keys.ts"

type Asked = { request: Request; server: { requestIP(request: Request): { address: string } | null } | null }

/** Runs before the body is parsed, so that a stranger learns nothing of a route and costs no memory. */
export const bearer = (needs: GuardNeeds) => {
  // A request without a body is not parsed: then `derive` is the first to ask.
  const callers = new WeakMap<Request, Promise<Caller>>()
  function callerOf({ request, server }: Asked): Promise<Caller> {
    const address = clientAddress(request, server?.requestIP(request)?.address)
    const caller = callers.get(request) ?? authenticate(needs, request, address)
    callers.set(request, caller)
    return caller
  }
  return (
    new Elysia({ name: "bearer" })
      // Anything but `undefined` counts as the parsed body; `derive` gives the refusal, as Elysia would take one
      // that is thrown here for a malformed body.
      .onParse({ as: "scoped" }, asked =>
        callerOf(asked).then(
          () => undefined,
          () => null,
        ),
      )
      .derive({ as: "scoped" }, async asked => ({ caller: await callerOf(asked) }))
  )
}
