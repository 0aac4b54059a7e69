/** Requests of the bench: who asks in which protocol, for a model behind which protocol. */
import type { Protocol } from "../support/upstreams/turn.ts"
import type { Target } from "./runs.ts"

export interface Way {
  client: Protocol
  upstream: Protocol
}

/** The bytes of the answer pass unchanged. */
export const PASSED: Way = { client: "openai-responses", upstream: "openai-responses" }

/** Claude Code on an OpenAI model: text need not be repeated at its end, so nothing has to be kept. */
export const MESSAGES_ON_RESPONSES: Way = { client: "anthropic-messages", upstream: "openai-responses" }

/** Every protocol once on each side. */
export const CROSSED: Way[] = [
  MESSAGES_ON_RESPONSES,
  { client: "openai-chat", upstream: "anthropic-messages" },
  { client: "openai-responses", upstream: "openai-chat" },
]

export const PATHS: Record<Protocol, string> = {
  "openai-responses": "/v1/responses",
  "openai-chat": "/v1/chat/completions",
  "anthropic-messages": "/v1/messages",
}

/** Seeded models, by the protocol of the vendor that serves them. */
const MODELS: Record<Protocol, string> = {
  "openai-responses": "gpt-5.5",
  "openai-chat": "deepseek-flash",
  "anthropic-messages": "claude-sonnet-5",
}

/** Where a target is asked: one that translates nothing speaks the upstream's protocol. */
export const pathOf = (target: Target, way: Way): string =>
  PATHS[target.isTranslating ? way.client : way.upstream]

export interface Asking {
  way: Way
  isStreamed: boolean
  /** The request is filled with text up to this; a real first request of the Codex CLI has 40 KB. */
  leastBytes?: number
  /** Pictures of so many bytes altogether. */
  pictureBytes?: number
}

/** A request's body. */
export function bodyOf({ way, isStreamed, leastBytes = 0, pictureBytes = 0 }: Asking): string {
  const system = "You are helpful. ".repeat(leastBytes / 17)
  // A whole answer says how long it may get: without a limit the gateway would ask for a stream to hold credit by.
  const limit = isStreamed ? {} : { max_output_tokens: 1_000 }
  const common = { model: MODELS[way.upstream], ...(isStreamed && { stream: true }) }
  const text = "Say something of forty events, please."
  const pictures = picturesOf(pictureBytes)
  switch (way.client) {
    case "openai-responses": {
      const images = pictures.map(data => ({
        type: "input_image",
        image_url: `data:image/png;base64,${data}`,
      }))
      const message = { role: "user", content: [{ type: "input_text", text }, ...images] }
      const input = images.length > 0 ? [message] : text
      // As the Codex CLI asks; what is to be stored is kept and written as well.
      const unstored = { ...common, ...limit, store: false }
      return JSON.stringify({ ...unstored, ...(system && { instructions: system }), input })
    }
    case "openai-chat": {
      const urls = pictures.map(data => ({ url: `data:image/png;base64,${data}` }))
      const images = urls.map(image_url => ({ type: "image_url", image_url }))
      const content = [{ type: "text", text: system + text }, ...images]
      return JSON.stringify({ ...common, max_tokens: 1_000, messages: [{ role: "user", content }] })
    }
    case "anthropic-messages": {
      const sources = pictures.map(data => ({ type: "base64", media_type: "image/png", data }))
      const images = sources.map(source => ({ type: "image", source }))
      const content = [...images, { type: "text", text: system + text }]
      return JSON.stringify({ ...common, max_tokens: 1_000, messages: [{ role: "user", content }] })
    }
  }
}

const LARGEST_PICTURE_BYTES = 1_000_000

/** Base64 text of so many characters, in pictures of at most 1 MB; like a real one it holds everything but quotes. */
function picturesOf(bytes: number): string[] {
  const count = Math.ceil(bytes / LARGEST_PICTURE_BYTES)
  const noise = Buffer.allocUnsafe(Math.ceil((bytes / Math.max(1, count)) * 0.75))
  for (let at = 0, last = 1; at < noise.length; at++) {
    last = (Math.imul(last, 1_103_515_245) + 12_345) >>> 0
    noise[at] = last >>> 16
  }
  return Array.from({ length: count }, () => noise.toString("base64"))
}
