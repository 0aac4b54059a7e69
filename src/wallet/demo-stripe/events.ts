/** Events as calls read them: the list a sweeper falls back on when webhooks were lost. */
import { listObjects } from "./listing.ts"
import type { EventObject } from "./object-store.ts"
import { type Call, readFlag, readText, readTexts } from "./params.ts"
import { refuseState } from "./refusal.ts"
import { getObject, type World } from "./world.ts"

export const retrieveEvent = (world: World, { id }: Call): EventObject => getObject(world, "event", id)

/** `type` may end in `.*`, as Stripe allows; `types` are at most 20 exact ones. */
export function listEvents(world: World, { params }: Call): object {
  const type = readText(params, "type")
  const types = readTexts(params, "types")
  if (type && types.length > 0) refuseState("You may only specify one of these parameters: type, types.")
  const is_delivered = readFlag(params, "delivery_success")
  const isAsked = typeFilterOf(type, types)
  const asked = { kind: "event", url: "/v1/events", params } as const
  return listObjects(world, asked, event => {
    const is_as_delivered = is_delivered === undefined || is_delivered === (event.pending_webhooks === 0)
    return isAsked(event.type) && is_as_delivered
  })
}

function typeFilterOf(type: string | undefined, types: readonly string[]): (type: string) => boolean {
  if (types.length > 0) return one => types.includes(one)
  if (type === undefined || type === "*") return () => true
  return type.endsWith("*") ? one => one.startsWith(type.slice(0, -1)) : one => one === type
}
