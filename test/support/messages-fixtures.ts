/** Reads the recorded Claude Code and agent requests and Messages streams for tests; serves nothing. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import { eventData, eventName } from "../../src/gateway/protocol/sse.ts"

const FIXTURES = join(import.meta.dir, "../fixtures/claude-code")

/** An event of a stream: the name on its line and its parsed data. */
export interface NamedEvent {
  name: string | undefined
  data: JsonObject
}

/** The names of all recorded streams. */
export function listStreams(): string[] {
  return readdirSync(FIXTURES).filter(file => file.endsWith(".sse"))
}

/** A recorded stream as text. */
export function loadStream(file: string): string {
  return readFileSync(join(FIXTURES, file), "utf8")
}

/** The parsed events of an SSE text. */
export function parseStream(text: string): NamedEvent[] {
  const latin1 = Buffer.from(text, "utf8").toString("latin1")
  const events = latin1.split("\n\n").filter(event => event.trim() !== "")
  return events.map(event => ({ name: eventName(event), data: JSON.parse(eventData(event)) }))
}

/** A recorded request, named by its file and place in it. */
export interface NamedRequest {
  name: string
  body: JsonObject
}

/**
 * The bodies of all recorded POSTs to /v1/messages. Recordings name their tools: these are restored from the
 * recorded definitions. Recordings of single messages become the smallest request around them.
 */
export function listRequests(): NamedRequest[] {
  const files = readdirSync(FIXTURES).filter(file => /request|follow-up|result|fallback|agent/.test(file))
  return files.flatMap(file => {
    const recorded: unknown = JSON.parse(readFileSync(join(FIXTURES, file), "utf8"))
    return bodiesOf(recorded).map((body, place) => ({ name: `${file}#${place}`, body }))
  })
}

function bodiesOf(recorded: unknown): JsonObject[] {
  const list = Array.isArray(recorded) ? recorded.filter(isJsonObject) : [recorded as JsonObject]
  if (list.some(entry => entry.role !== undefined)) return [{ model: "m", max_tokens: 10, messages: list }]
  return list.flatMap(({ body, url }) => {
    if (!isJsonObject(body) || String(url).includes("count_tokens")) return []
    return [{ ...body, ...(Array.isArray(body.tools) ? { tools: body.tools.map(restoreTool) } : {}) }]
  })
}

function restoreTool(tool: unknown): unknown {
  if (typeof tool !== "string") return tool
  const definitions: JsonObject[] = JSON.parse(loadStream("03-tool-definitions-interactive.json"))
  return definitions.find(({ name }) => name === tool) ?? { name: tool, input_schema: { type: "object" } }
}
