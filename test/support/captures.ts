/** Every recorded request and stream of the clients, with the protocol it speaks; judges nothing. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ClientProtocol } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { listRequests as listMessagesRequests } from "./messages-fixtures.ts"
import { listRequests as listCodexRequests, loadRequest } from "./responses-fixtures.ts"

const FIXTURES = join(import.meta.dir, "../fixtures")

export interface CapturedRequest {
  name: string
  client: ClientProtocol
  body: JsonObject
}

export function listCaptures(): CapturedRequest[] {
  const codex = listCodexRequests().map(
    (file): CapturedRequest => ({
      name: `codex-cli/${file}`,
      client: "openai-responses",
      body: loadRequest(file),
    }),
  )
  const claude = listMessagesRequests().map(
    ({ name, body }): CapturedRequest => ({
      name: `claude-code/${name}`,
      client: "anthropic-messages",
      body,
    }),
  )
  return [...codex, ...claude, ...retries(), ...sdkRequests()].map(capture => ({
    ...capture,
    body: restore(capture.body),
  }))
}

/** Recordings leave out the bytes of pictures and the schemas of some tools: any will do. */
function restore(body: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(body), (_, value) => {
    if (typeof value === "string") return value.replace(/^data:image\/png;base64,.*…$/s, PICTURE)
    return isJsonObject(value) && "…" in value ? { ...value, input_schema: { type: "object" } } : value
  })
}

const PICTURE = "data:image/png;base64,iVBORw0KGgo="

/** Recordings of message lists alone: Claude Code's repeats after a refusal, and turns that it merged. */
function retries(): CapturedRequest[] {
  const files = ["19-system-role-rejected-retry", "20-same-message-id-merge", "26-signature-rejected-retry"]
  return files.flatMap(file => {
    const recorded: unknown = JSON.parse(readFileSync(join(FIXTURES, "claude-code", `${file}.json`), "utf8"))
    return messageLists(recorded).map((messages, place): CapturedRequest => {
      const first = { role: "user", content: "go" }
      const is_tail = messages[0]?.role === "assistant"
      const body = { model: "m", max_tokens: 10, messages: is_tail ? [first, ...messages] : messages }
      return { name: `claude-code/${file}#${place}`, client: "anthropic-messages", body }
    })
  })
}

function messageLists(recorded: unknown): JsonObject[][] {
  if (Array.isArray(recorded)) {
    const list = recorded.filter(isJsonObject)
    return list[0]?.role === undefined ? list.flatMap(messageLists) : [list]
  }
  return isJsonObject(recorded) ? Object.values(recorded).flatMap(messageLists) : []
}

const ENDPOINTS: [RegExp, ClientProtocol][] = [
  [/\/chat\/completions$/, "openai-chat"],
  [/\/completions$/, "openai-completions"],
  [/\/responses$/, "openai-responses"],
  [/\/messages(\?beta=true)?$/, "anthropic-messages"],
]

function sdkRequests(): CapturedRequest[] {
  const files = readdirSync(join(FIXTURES, "sdk")).filter(file => file.endsWith(".json"))
  return files.flatMap(file => {
    const recorded: unknown = JSON.parse(readFileSync(join(FIXTURES, "sdk", file), "utf8"))
    const entries = isJsonObject(recorded) ? recorded.requests : recorded
    return (Array.isArray(entries) ? entries : []).flatMap((entry: JsonObject, place): CapturedRequest[] => {
      const client = ENDPOINTS.find(([path]) => path.test(String(entry.url)))?.[1]
      if (entry.method !== "POST" || client === undefined || !isJsonObject(entry.body)) return []
      return [{ name: `sdk/${file}#${place}`, client, body: withoutShortened(entry.body) }]
    })
  })
}

/** Recordings of agents show one tool of their many. */
function withoutShortened(body: JsonObject): JsonObject {
  return Array.isArray(body.tools) ? { ...body, tools: body.tools.filter(isJsonObject) } : body
}

export interface CapturedStream {
  name: string
  protocol: Protocol
  text: string
}

/** Streams that clients accepted, and those that the recordings let fail. */
export function listCapturedStreams(): CapturedStream[] {
  return ["codex-cli", "claude-code", "sdk"].flatMap(folder =>
    readdirSync(join(FIXTURES, folder))
      .filter(file => file.endsWith(".sse"))
      .map(
        (file): CapturedStream => ({
          name: `${folder}/${file}`,
          protocol: protocolOf(folder, file),
          text: readFileSync(join(FIXTURES, folder, file), "utf8"),
        }),
      ),
  )
}

function protocolOf(folder: string, file: string): Protocol {
  if (folder === "claude-code") return "anthropic-messages"
  return file.includes("chat") ? "openai-chat" : "openai-responses"
}
