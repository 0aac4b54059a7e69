/** What a case is; not what any of them does. */
import type { Probe } from "./probe.ts"

/** In the order they are run and shown. */
export const GROUPS = [
  "auth",
  "models",
  "responses",
  "chat",
  "completions",
  "messages",
  "errors",
  "billing",
] as const

export type Group = (typeof GROUPS)[number]

/** Where a protocol is asked. */
export type Door = "/v1/responses" | "/v1/chat/completions" | "/v1/completions" | "/v1/messages"

export const DOORS: readonly Door[] = [
  "/v1/responses",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/messages",
]

/** Passes by returning; throws a `Finding` otherwise. */
export interface Case {
  /** Unique; begins with the group. */
  id: string
  group: Group
  /** What a correct server does, as a sentence without its subject. */
  title: string
  /** The protocol it needs: where another vendor's server has no such door, the case does not apply. */
  door?: Door
  /** A promise of this gateway that other servers need not make. */
  is_ours_only?: true
  /** Calls that reach a model and may cost money; 0 when absent. */
  model_calls?: number
  run(probe: Probe): Promise<void>
}
