/** The endpoints at which clients ask models: which protocol each speaks, and how its answers are named. */
import type { ClientProtocol } from "./protocol/codecs.ts"

export interface Door {
  endpoint: string
  protocol: ClientProtocol
  /** The protocol's own kind of answer id, made from the request's, which is unique: `resp_…`. */
  answerId(request_id: string): string
}

const prefixed = (prefix: string) => (request_id: string) => request_id.replace(/^req_/, prefix)

export const DOORS = {
  responses: {
    endpoint: "/v1/responses",
    protocol: "openai-responses",
    answerId: prefixed("resp_"),
  },
  chat: {
    endpoint: "/v1/chat/completions",
    protocol: "openai-chat",
    answerId: prefixed("chatcmpl-"),
  },
  completions: {
    endpoint: "/v1/completions",
    protocol: "openai-completions",
    answerId: prefixed("cmpl-"),
  },
  messages: {
    endpoint: "/v1/messages",
    protocol: "anthropic-messages",
    answerId: prefixed("msg_"),
  },
} as const satisfies Record<string, Door>
