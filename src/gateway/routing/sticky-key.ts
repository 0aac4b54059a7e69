/** Which conversation a request belongs to, as a key for routing only: it is never sent upstream. */
import { isJsonObject, type JsonObject, stringOf } from "../protocol/json.ts"

export interface StickyFacts {
  /** Two customers who use the same words share nothing. */
  customer_id: string
  /** Clients use a small and a large model in one session: each has its own route. */
  model_id: string
  headers: Headers
  /** The request body as it was parsed, in any of the client protocols. */
  body: JsonObject
}

/**
 * The key of a request's conversation, or undefined when nothing tells it. What names the session comes before what
 * names a thread in it, so that sub-agents share: the Codex CLI's `prompt_cache_key` is the thread's, its `session-id`
 * the root's (codex-cli-wire 3.1); Claude Code's sub-agents send the parent's session (claude-code-wire 2).
 */
export function stickyKeyOf({ customer_id, model_id, headers, body }: StickyFacts): string | undefined {
  const [parent, session, thread] = findHeaders(headers)
  const named =
    parent ?? session ?? sessionOf(body.metadata) ?? textOrNothing(body.prompt_cache_key) ?? thread
  const told = named === undefined ? openingOf(body) : `id:${named}`
  if (told === undefined) return undefined
  return Bun.hash(`${customer_id}\0${model_id}\0${told}`).toString(36)
}

/** What all of the names below have in common: most headers need no closer look. */
const TELLING = /session|conversation|thread|chat/
/**
 * A sub-agent's parent session, the session itself, and what is less than a session, in any spelling.
 * opencode names the parent beside the sub-agent's own session (anomalyco/opencode pull 20744).
 */
const PATTERNS = [
  /^parent-session-id$/,
  /(?:^|-)session-?id$|(?:^|-)session-affinity$|^opencode-session$/,
  /(?:^|-)(?:conversation|thread|chat)-?id$/,
]

/** For each pattern the first header that fits: `X-Session_ID` and `session-id` are the same name. */
function findHeaders(headers: Headers): (string | undefined)[] {
  const found: (string | undefined)[] = []
  // Names come in lower case, by the Fetch standard.
  headers.forEach((value, name) => {
    if (!TELLING.test(name)) return
    const plain = name.replaceAll("_", "-").replace(/^x-/, "")
    const rank = PATTERNS.findIndex(pattern => pattern.test(plain))
    if (rank !== -1) found[rank] ??= textOrNothing(value)
  })
  return found
}

const SESSION_FIELDS = ["session_id", "conversation_id", "thread_id"]
/** `user_<hash>_account_<uuid>_session_<uuid>`: Claude Code before it wrote JSON. */
const SESSION_SUFFIX = /_session_([0-9a-f-]{8,})$/i

/** The session in a body's metadata. A user alone is no conversation: that would put an application on one route. */
function sessionOf(metadata: unknown): string | undefined {
  if (!isJsonObject(metadata)) return undefined
  for (const field of SESSION_FIELDS) {
    const session = textOrNothing(metadata[field])
    if (session !== undefined) return session
  }
  const user_id = stringOf(metadata.user_id)
  return user_id === undefined ? undefined : sessionOfUser(user_id)
}

/** From the JSON in `metadata.user_id` (claude-code-wire 2), or its older form. */
function sessionOfUser(user_id: string): string | undefined {
  if (!user_id.startsWith("{")) return SESSION_SUFFIX.exec(user_id)?.[1]
  try {
    const parsed: unknown = JSON.parse(user_id)
    return isJsonObject(parsed) ? textOrNothing(parsed.session_id) : undefined
  } catch {
    // A name that begins with a brace: it tells no session.
    return undefined
  }
}

/** Enough to tell conversations apart, and no more to hash for one of 30 MB. */
const LONGEST_OPENING = 8_192

/**
 * What stays the same as a conversation grows: instructions and first words of the user. Only text: cache marks move
 * from turn to turn. Undefined without words of a user: every conversation would be the same one.
 */
function openingOf(body: JsonObject): string | undefined {
  const turns = body.input ?? body.messages ?? body.prompt
  const instructions = textOf(body.instructions ?? body.system)
  if (typeof turns === "string") return opening(instructions, turns)
  if (!Array.isArray(turns)) return undefined
  const first = turns.find(turn => isJsonObject(turn) && turn.role === "user")
  if (!first) return undefined
  const system = turns.find(
    turn => isJsonObject(turn) && (turn.role === "system" || turn.role === "developer"),
  )
  return opening(instructions + textOf(system?.content), textOf(first.content))
}

const opening = (instructions: string, words: string): string | undefined =>
  words === "" ? undefined : `${instructions.slice(0, LONGEST_OPENING)}\0${words.slice(0, LONGEST_OPENING)}`

/** The text of a content: a string, or the texts of its parts. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content
  if (!Array.isArray(content)) return ""
  return content.map(part => (isJsonObject(part) ? (stringOf(part.text) ?? "") : "")).join("\n")
}

/** A string that says something. */
const textOrNothing = (value: unknown): string | undefined => stringOf(value)?.trim() || undefined
