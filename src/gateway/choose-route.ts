/** In which order a model's routes are tried. */
import type { Random } from "../platform/ids.ts"
import type { Route } from "./catalog/catalog.ts"

/** By tier; within a tier a draw by weight. `routes` comes ordered by tier and is not changed. */
export function orderRoutes(routes: readonly Route[], random: Random): Route[] {
  if (routes.length < 2) return [...routes]
  const left = [...routes]
  const ordered: Route[] = []
  while (left.length > 0) {
    const tier = left.filter(route => route.tier === left[0]!.tier)
    const drawn = draw(tier, random)
    ordered.push(drawn)
    left.splice(left.indexOf(drawn), 1)
  }
  return ordered
}

function draw(routes: readonly Route[], random: Random): Route {
  const total = routes.reduce((sum, route) => sum + route.weight, 0)
  const [a, b, c, d] = random(4) as unknown as [number, number, number, number]
  let point = (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) % total
  for (const route of routes) {
    point -= route.weight
    if (point < 0) return route
  }
  return routes.at(-1)!
}
