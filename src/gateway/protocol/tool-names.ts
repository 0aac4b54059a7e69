/** The names under which an upstream knows a client's tools, and the way back; converts no tools. */
import { chooseName } from "./legal-name.ts"
import type { ToolKind } from "./model-request.ts"

/** A tool as its client names it. */
export interface ToolIdentity {
  tool: ToolKind
  name: string
  namespace?: string
}

/** The way back: the client's tool by the name that the upstream knows. */
export type ToolNames = ReadonlyMap<string, ToolIdentity>

/** Gives names, each once. */
export interface Naming {
  readonly names: ToolNames
  /** The upstream's name of this tool; a new one at the first call, the same ever after. */
  nameOf(identity: ToolIdentity): string
}

/**
 * Starts without names. Who asks first gets the plain name: ask in an order that later turns only append to, and no
 * name ever changes, so that prompt caches hit (gateway.md, Tools).
 */
export function startNaming(limit: number): Naming {
  const names = new Map<string, ToolIdentity>()
  const given = new Map<string, string>()
  return {
    names,
    nameOf(identity) {
      const seed = seedOf(identity)
      const known = given.get(seed)
      if (known !== undefined) return known
      const name = chooseName({ wish: wishOf(identity), seed, limit }, taken => names.has(taken))
      given.set(seed, name)
      names.set(name, identity)
      return name
    },
  }
}

const seedOf = ({ tool, name, namespace }: ToolIdentity): string =>
  JSON.stringify([tool, namespace ?? null, name])

/** `mcp__demo` and `add_numbers` are `mcp__demo__add_numbers` (codex-cli-wire 10.2). */
function wishOf({ name, namespace }: ToolIdentity): string {
  if (namespace === undefined) return name
  return namespace.endsWith("__") ? namespace + name : `${namespace}__${name}`
}
