/** What a vendor refuses of a body that the translation room wrote: the rules of the strict upstreams, without a server. */
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { chatProblems } from "./upstreams/strict-chat.ts"
import { messagesProblems } from "./upstreams/strict-messages.ts"
import { responsesProblems } from "./upstreams/strict-responses.ts"

/** Seals that an upstream takes back. */
export type Seals = ReadonlySet<string>

/** Every sentence by which the upstream would refuse the body. */
export function strictProblems(
  protocol: Protocol,
  body: JsonObject,
  seals: Seals = new Set<string>(),
): string[] {
  const headers = new Headers(protocol === "anthropic-messages" ? { "anthropic-version": "2023-06-01" } : {})
  const text = JSON.stringify(body)
  const request = {
    method: "POST",
    path: "/",
    headers,
    bytes: Buffer.from(text),
    body: JSON.parse(text) as JsonObject,
    at: 0,
    wasAborted: false,
    wasFinished: true,
  }
  const issued = { seals: new Set(seals) }
  if (protocol === "openai-chat") return chatProblems(request)
  return protocol === "openai-responses"
    ? responsesProblems(request, issued)
    : messagesProblems(request, issued)
}
