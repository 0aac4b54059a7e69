/** Answers made by hand, as a probe would have got them. */
import type { Answer } from "../../src/conformance/probe.ts"

/** An answer with a JSON or text body. */
export function answerOf(body: unknown, { status = 200, type = "application/json" } = {}): Answer {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  const headers = new Headers({ "content-type": type })
  return { asked: "POST /v1/test", status, headers, bytes: new TextEncoder().encode(text), text }
}

/** A stream of events as text. */
export const streamOf = (text: string): Answer => answerOf(text, { type: "text/event-stream" })
