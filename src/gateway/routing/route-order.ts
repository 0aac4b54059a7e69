/** In which order routes are tried, as far as tiers and weights go; what is healthy is the caller's to say. */
import type { Random } from "../../platform/ids.ts"
import { drawUnit, hashUnit } from "./lots.ts"

/** What of a route matters here; the catalogue's routes are such. */
export interface Routable {
  id: string
  /** Lowest first. */
  tier: number
  /** Share of its tier, above 0 (a CHECK of the table). */
  weight: number
  is_vip_only?: boolean
  upstream: { id: string; max_concurrency?: number | null }
}

export interface Preference<R extends Routable> {
  /** With a key the draw comes out the same each time. */
  sticky_key?: string | undefined
  /** Routes that would have to wait come behind the others of their tier. */
  isFull?(route: R): boolean
}

/** Whether a customer may be served by a route. */
export const isOpenTo = (route: Routable, is_vip: boolean): boolean => is_vip || route.is_vip_only !== true

/**
 * By tier; within a tier a draw by weight. `routes` is not changed.
 * The lot -ln(u) / weight gives the first place, and then the second among the rest, in proportion to the weights;
 * with u from key and route it is weighted rendezvous hashing: a restart changes nothing, and a route that comes or
 * goes moves only the conversations that are its own.
 */
export function orderRoutes<R extends Routable>(
  routes: readonly R[],
  random: Random,
  { sticky_key, isFull }: Preference<R> = {},
): R[] {
  if (routes.length < 2) return [...routes]
  const placed = routes.map(route => {
    const unit = sticky_key === undefined ? drawUnit(random) : hashUnit(`${sticky_key}\0${route.id}`)
    return { route, lot: -Math.log(unit) / route.weight, wait: isFull?.(route) ? 1 : 0 }
  })
  placed.sort((a, b) => a.route.tier - b.route.tier || a.wait - b.wait || a.lot - b.lot)
  return placed.map(({ route }) => route)
}
