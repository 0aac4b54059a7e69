/** Reads the recorded Codex CLI requests and Responses streams for tests; serves nothing. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import { eventData } from "../../src/gateway/protocol/sse.ts"

const FIXTURES = join(import.meta.dir, "../fixtures")

/** The names of all recorded requests with a body. */
export function listRequests(): string[] {
  return readdirSync(join(FIXTURES, "codex-cli")).filter(file => file.endsWith(".request.json"))
}

/**
 * The body of a recorded request. Some recordings shorten tools to `type:name`; these are restored from the
 * catalogue, so that what is read is what the CLI sends.
 */
export function loadRequest(file: string): JsonObject & { input: JsonObject[]; tools: JsonObject[] } {
  const { body } = JSON.parse(read(join("codex-cli", file)))
  return { ...body, tools: body.tools.map(restoreTool) }
}

function restoreTool(tool: JsonObject | string): JsonObject {
  if (typeof tool !== "string") return tool
  const [type, name] = tool.split(":")
  const catalogue: JsonObject[] = JSON.parse(read("codex-cli/tools-catalogue.json"))
  const found = catalogue.find(each => each.type === type && each.name === name)
  if (found === undefined) throw new Error(`no tool ${tool} in the catalogue`)
  return found
}

/** The parsed events of a recorded stream, by path below test/fixtures. */
export function loadStream(path: string): JsonObject[] {
  return parseStream(read(path))
}

/** The parsed events of an SSE text. */
export function parseStream(text: string): JsonObject[] {
  const latin1 = Buffer.from(text, "utf8").toString("latin1")
  const events = latin1.split("\n\n").filter(event => event.trim() !== "")
  return events.map(event => JSON.parse(eventData(event)))
}

function read(path: string): string {
  return readFileSync(join(FIXTURES, path), "utf8")
}
