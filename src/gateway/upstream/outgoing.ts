/** The body for one route: the client's own where the protocols are equal, else translated. */
import type { AppError } from "../../platform/errors.ts"
import { type Asked, malformed } from "../asked.ts"
import type { Model, Route } from "../catalog/catalog.ts"
import type { Door } from "../door.ts"
import { spokenBy, UPSTREAMS } from "../protocol/codecs.ts"
import { parseExactly } from "../protocol/exact-json.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Protocol } from "../protocol/model-request.ts"
import { isForeign, withoutReasoning } from "../protocol/past-reasoning.ts"
import type { Quirk, Target } from "../protocol/target.ts"
import type { ToolNames } from "../protocol/tool-names.ts"
import { keepMembers, setTopLevel } from "../protocol/top-level.ts"
import { translateRequest } from "../protocol/translate-request.ts"

/** What is sent to an upstream, and what its answer needs on the way back. */
export interface Outgoing {
  text: string
  /** The answer's bytes may pass as they are. */
  is_passed: boolean
  names: ToolNames
  /** Whether the upstream was told the service tier: one that it was not told is not served, nor charged. */
  is_tier_sent: boolean
  /** What was left out, for the customer to see. */
  notes: string[]
}

export interface Wanted {
  door: Door
  asked: Asked
  model: Model
  route: Route
  /** Whether the upstream is asked for a stream, whatever the client asked. */
  is_streamed: boolean
  /** Whether past reasoning is left out, because the upstream refused it. */
  is_plain: boolean
}

/** The body, or why this route cannot serve the request. */
export function writeOutgoing(wanted: Wanted): Outgoing | AppError {
  const { door, route } = wanted
  const { protocol, quirks } = route.upstream
  const is_equal = protocol === door.protocol && !REWRITING.some(quirk => quirks.has(quirk))
  return is_equal ? pass(wanted) : translate(wanted)
}

/** What an upstream cannot take even of its own protocol: such a body is read and written anew. */
const REWRITING: readonly Quirk[] = [
  "no-reasoning-effort",
  "strict-tool-schemas",
  "no-parallel-tools",
  "needs-max-tokens",
  "max-completion-tokens",
  "system-first",
  "no-images",
]

/** The client's own bytes, but for single values; reasoning that is not the upstream's is taken out. */
function pass({ asked, model, route, is_streamed, is_plain }: Wanted): Outgoing {
  const { protocol, quirks } = route.upstream
  const upstream = UPSTREAMS[protocol]
  const unknown = asked.members.map(({ key }) => key).filter(key => !upstream.passed_keys.has(key))
  const own =
    unknown.length === 0 ? asked.text : keepMembers(asked.text, key => upstream.passed_keys.has(key))
  const edits: JsonObject = {
    ...(asked.admitted.model !== route.upstream_model && { model: route.upstream_model }),
    ...(asked.admitted.is_streamed !== is_streamed && { stream: is_streamed }),
    ...upstream.passEdits(asked.body, { is_streamed, quirks, reasons: doesReason(model) }),
  }
  return {
    text: setTopLevel(withOwnReasoning(own, protocol, is_plain), edits),
    is_passed: true,
    is_tier_sent: true,
    names: new Map(),
    notes: unknown
      .filter(isSayable)
      .slice(0, MOST_NOTES)
      .map(key => `${key} was left out: it is no part of this protocol`),
  }
}

/** Notes stand in a header: a name of any length and letters could not. */
const isSayable = (key: string): boolean => /^[\w.-]{1,64}$/.test(key)
const MOST_NOTES = 8

/** The body without reasoning that other upstreams sealed; `is_plain`: without any. */
function withOwnReasoning(text: string, protocol: Protocol, is_plain: boolean): string {
  if (!is_plain && !text.includes('"cx1.')) return text
  const body = parseExactly(text) as JsonObject
  return JSON.stringify(withoutReasoning(body, protocol, is_plain ? () => true : isForeign))
}

function translate({ door, asked, model, route, is_streamed, is_plain }: Wanted): Outgoing | AppError {
  const target = targetOf(model, route)
  const from = spokenBy(door.protocol)
  const { request } = asked.admitted
  const items = is_plain ? request.items.filter(item => item.kind !== "reasoning") : request.items
  const seals = doesReason(model) ? { wants_sealed_reasoning: true as const } : {}
  const wished = { ...request, items, stream: is_streamed, ...seals }
  const translated = translateRequest(wished, from, target)
  if (!translated.ok) return malformed(translated)
  const body = UPSTREAMS[target.protocol].writeRequest(translated.request, target)
  return {
    text: JSON.stringify(body),
    is_passed: false,
    is_tier_sent: body.service_tier !== undefined,
    names: translated.names,
    notes: translated.notes,
  }
}

const doesReason = ({ reasoning_efforts }: Model): boolean => reasoning_efforts.length > 0

/** The route as a writer of requests sees it. */
function targetOf(model: Model, { upstream, upstream_model }: Route): Target {
  return {
    protocol: upstream.protocol,
    upstream_id: upstream.id,
    model: upstream_model,
    quirks: upstream.quirks,
    tool_name_length: upstream.tool_name_length,
    max_output_tokens: model.max_output_tokens,
    reasoning_efforts: model.reasoning_efforts,
  }
}
