/** The routing state of the gateway in one value: order, health, stickiness and admission; it sends nothing. */
import type { Clock } from "../../platform/clock.ts"
import type { Random } from "../../platform/ids.ts"
import { type Admission, createAdmission } from "./admission.ts"
import { createHealthOfRoutes, type HealthOfRoutes, type RouteHealth, type Try } from "./route-health.ts"
import { isOpenTo, orderRoutes, type Routable } from "./route-order.ts"
import { createStickyRoutes } from "./sticky-routes.ts"

export interface OrderJob<R extends Routable> {
  routes: readonly R[]
  /** From `stickyKeyOf`; undefined when nothing tells the conversation. */
  sticky_key: string | undefined
  is_vip: boolean
}

export interface TryJob {
  /** The conversation that the route is remembered for when it answers; undefined for models with one route. */
  sticky_key: string | undefined
  /** Nothing is left to be tried after it: it is tried whatever its state. */
  is_last: boolean
}

export interface Routing extends Pick<Admission, "admit"> {
  /**
   * The routes to try, in this order: those that are available, by tier and weight, the conversation's own first in
   * its tier; then one that is not, as the last resort. Empty only when there is none for this customer.
   */
  order<R extends Routable>(job: OrderJob<R>): R[]
  /** Begins a try. Undefined when the route is to be passed over: it opened meanwhile, or somebody probes it. */
  begin(route: Routable, job: TryJob): Try | undefined
  /** Every route that was tried within the last hour. */
  health(): RouteHealth[]
}

export function createRouting(needs: { clock: Clock; random: Random }): Routing {
  const health = createHealthOfRoutes(needs)
  const sticky = createStickyRoutes(needs.clock)
  const admission = createAdmission(needs.clock)
  const isFull = ({ upstream }: Routable) => admission.isFull(upstream)

  function order<R extends Routable>({ routes, sticky_key, is_vip }: OrderJob<R>): R[] {
    const own = routes.filter(route => isOpenTo(route, is_vip))
    // One is tried whatever its state: its upstream knows better than we do whether this request succeeds.
    if (own.length < 2) return own
    const available = own.filter(route => health.isAvailable(route.id))
    const ordered = orderRoutes<R>(available, needs.random, { sticky_key, isFull })
    if (sticky_key !== undefined) putFirst(ordered, sticky.recall(sticky_key), isFull)
    const shut = own.filter(route => !available.includes(route))
    const resort = soonestToOpen(shut, health)
    return resort ? [...ordered, resort] : ordered
  }

  return {
    order,
    begin(route, { sticky_key, is_last }) {
      if (!is_last && !health.isAvailable(route.id)) return undefined
      const begun = health.begin(route)
      if (sticky_key === undefined) return begun
      return {
        end(outcome) {
          begun.end(outcome)
          if (outcome.kind === "answered") sticky.remember(sticky_key, route.id)
        },
      }
    },
    admit: admission.admit,
    health: health.list,
  }
}

/**
 * Moves the route that answered last to the front, whatever the draw was: its prompt cache is warm. Not over a lower
 * tier, which is cheaper, and not when it would have to wait while another would not.
 */
function putFirst<R extends Routable>(
  ordered: R[],
  route_id: string | undefined,
  isFull: (route: R) => boolean,
): void {
  const [first] = ordered
  const index = ordered.findIndex(route => route.id === route_id)
  const own = ordered[index]
  if (!first || !own || own === first || own.tier !== first.tier) return
  if (isFull(own) && !isFull(first)) return
  ordered.splice(index, 1)
  ordered.unshift(own)
}

/** One only: every further route that is probably down costs the client another timeout. */
function soonestToOpen<R extends Routable>(routes: readonly R[], health: HealthOfRoutes): R | undefined {
  const byTime = (a: R, b: R) => health.opensAt(a.id) - health.opensAt(b.id) || a.tier - b.tier
  return routes.toSorted(byTime)[0]
}
