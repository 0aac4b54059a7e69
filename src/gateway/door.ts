/** The endpoints at which clients ask models: which protocol each speaks, and how its answers are named. */
import type { ClientProtocol } from "./protocol/codecs.ts"

export interface Door {
  endpoint: string
  protocol: ClientProtocol
  /** The protocol's own kind of answer id: `resp_…`. */
  answerId(unique: string): string
}

export const DOORS = {
  responses: {
    endpoint: "/v1/responses",
    protocol: "openai-responses",
    answerId: unique => `resp_${unique}`,
  },
  chat: {
    endpoint: "/v1/chat/completions",
    protocol: "openai-chat",
    answerId: unique => `chatcmpl-${unique}`,
  },
  completions: {
    endpoint: "/v1/completions",
    protocol: "openai-completions",
    answerId: unique => `cmpl-${unique}`,
  },
  messages: {
    endpoint: "/v1/messages",
    protocol: "anthropic-messages",
    answerId: unique => `msg_${unique}`,
  },
} as const satisfies Record<string, Door>
