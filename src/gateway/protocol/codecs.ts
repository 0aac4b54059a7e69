/** Every protocol that is spoken: with clients, and with upstreams. */
import { messagesClient, messagesUpstream } from "./anthropic-messages/codec.ts"
import type { ClientCodec, UpstreamCodec } from "./codec.ts"
import type { Protocol } from "./model-request.ts"
import { chatClient, chatUpstream } from "./openai-chat/codec.ts"
import { completionsClient } from "./openai-completions/codec.ts"
import { responsesClient, responsesUpstream } from "./openai-responses/codec.ts"

export const CLIENTS = {
  "openai-responses": responsesClient,
  "openai-chat": chatClient,
  "openai-completions": completionsClient,
  "anthropic-messages": messagesClient,
} as const satisfies Record<Protocol | "openai-completions", ClientCodec>

export type ClientProtocol = keyof typeof CLIENTS

export const UPSTREAMS: Record<Protocol, UpstreamCodec> = {
  "openai-responses": responsesUpstream,
  "openai-chat": chatUpstream,
  "anthropic-messages": messagesUpstream,
}

/** The protocol whose requests a client's become: legacy text is a Chat of one message. */
export const spokenBy = (client: ClientProtocol): Protocol =>
  client === "openai-completions" ? "openai-chat" : client
