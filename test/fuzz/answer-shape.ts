/** What a client may get: whole answers, streams and refusals in the shape of its door; every finding is a sentence. */
import { CLIENTS, type ClientProtocol } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import { eventData, eventName, splitEvents } from "../../src/gateway/protocol/sse.ts"

/** What came back, read to its end. */
export interface Received {
  status: number
  content_type: string
  bytes: Uint8Array
}

export function protocolOf(path: string): ClientProtocol {
  if (path.startsWith("/v1/messages")) return "anthropic-messages"
  if (/^\/v1\/chat\/completions/.test(path)) return "openai-chat"
  return /^\/v1\/completions/.test(path) ? "openai-completions" : "openai-responses"
}

export const textOf = ({ bytes }: Received): string => Buffer.from(bytes).toString("utf8")

export const isStream = ({ content_type }: Received): boolean => content_type.startsWith("text/event-stream")

/** The parsed data of a stream with the names; what is no JSON stays text. */
export function eventsOf(bytes: Uint8Array): { name: string | undefined; data: unknown }[] {
  return splitEvents(Buffer.from(bytes).toString("latin1")).flatMap(event => {
    const data = eventData(event)
    return data === "" ? [] : [{ name: eventName(event), data: parsed(data) ?? data }]
  })
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller says what it thinks of a text that is no JSON.
    return undefined
  }
}

/** Every law of the client's protocol that the stream breaks. */
export function streamProblems(protocol: ClientProtocol, received: Received): string[] {
  const validator = CLIENTS[protocol].startValidating()
  for (const { name, data } of eventsOf(received.bytes)) validator.note(name, data)
  return validator.end().map(violation => `the stream: ${violation}`)
}

/** The events that end a stream, well or not: by their name, and by their type where the name says nothing. */
export function terminalsIn(protocol: ClientProtocol, bytes: Uint8Array): string[] {
  const is_chat = protocol === "openai-chat" || protocol === "openai-completions"
  return eventsOf(bytes).flatMap(({ name, data }) => {
    if (is_chat) {
      if (data === "[DONE]") return ["[DONE]"]
      // A text as the error is one too: SDKs throw on whatever stands there.
      return isJsonObject(data) && data.error ? ["error"] : []
    }
    // What cannot be read is no end: clients parse it before they look at its name.
    if (!isJsonObject(data)) return []
    const type = name && name !== "message" ? name : data.type
    if (typeof type !== "string") return []
    return (protocol === "openai-responses" ? RESPONSES_END : MESSAGES_END).test(type) ? [type] : []
  })
}

const RESPONSES_END = /^(response\.(completed|incomplete|failed)|error)$/
const MESSAGES_END = /^(message_stop|error)$/

/** What is wrong with a refusal: its shape, its words, and for a 400 that it names no field. */
export function refusalProblems(
  protocol: ClientProtocol,
  received: Received,
  names_field: boolean,
): string[] {
  const text = textOf(received)
  const body = parsed(text)
  if (!isJsonObject(body)) return [`a ${received.status} whose body is no JSON object: ${text.slice(0, 200)}`]
  const error: JsonObject = isJsonObject(body.error) ? body.error : {}
  const says = `a ${received.status} says ${text.slice(0, 300)}`
  if (typeof error.message !== "string" || error.message.trim() === "") return [`${says}: no message`]
  if (typeof error.type !== "string") return [`${says}: no type`]
  if (protocol === "anthropic-messages")
    return body.type === "error" ? [] : [`${says}: the body's type is not error`]
  if (typeof error.code !== "string" || !("param" in error)) return [`${says}: no code or no param`]
  if (received.status === 400 && names_field && typeof error.param !== "string")
    return [`${says}: names no field`]
  return []
}

/** What is wrong with a whole answer's outline. */
export function wholeProblems(protocol: ClientProtocol, received: Received): string[] {
  const body = parsed(textOf(received))
  if (!isJsonObject(body)) return [`a whole answer that is no JSON object: ${textOf(received).slice(0, 200)}`]
  const is_right = {
    "openai-responses": body.object === "response" && Array.isArray(body.output),
    "openai-chat": body.object === "chat.completion" && Array.isArray(body.choices),
    "openai-completions": body.object === "text_completion" && Array.isArray(body.choices),
    "anthropic-messages": body.type === "message" && Array.isArray(body.content),
  }[protocol]
  return is_right ? [] : [`a whole answer of another shape: ${textOf(received).slice(0, 200)}`]
}
