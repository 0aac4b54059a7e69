/** The contract of a protocol folder: what the gateway needs to serve a client in it and to call an upstream in it. */
import type { AppError } from "../../platform/errors.ts"
import type { JsonObject } from "./json.ts"
import type { Problem } from "./json-at.ts"
import type { ModelEvent } from "./model-event.ts"
import type { ModelRequest } from "./model-request.ts"
import type { Sniffed, Sniffer } from "./sniffed.ts"
import type { Batch } from "./sse.ts"
import type { Quirk, Target } from "./target.ts"

/** A request, or the first malformed field by the client's own name for it. */
export type ReadRequest = { ok: true; request: ModelRequest } | ({ ok: false } & Refusal)

/** What the gateway decides about an answer before its first event. */
export interface AnswerStart {
  /** Unique: `resp_…`, `chatcmpl-…`, `msg_…`; all ids inside the answer are made from it. */
  id: string
  /** Unix seconds. */
  created_at: number
  /** The public name of the model; never the upstream's. */
  model: string
  /**
   * The upstream knows the model by another name, which an answer that passes must not show: Claude Code drops its
   * thinking when the answer names a model that it did not ask for.
   */
  is_renamed?: boolean
  /** Fields of the request that the client wants to see again. */
  echo?: JsonObject
  /** The client is the Codex CLI: a cut answer is written as completed (codex-cli-wire 5.4). */
  is_codex?: boolean
  /** The client asked to see the usage of a streamed answer (Chat: stream_options.include_usage). */
  shows_usage?: boolean
}

/** An error answer to be sent as it is. */
export interface ErrorAnswer {
  status: number
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer>
}

/** Writes one answer as a stream of the client's protocol. */
export interface AnswerWriter {
  /** The server-sent events of one event, as text; "" when it says nothing. */
  write(event: ModelEvent): string
  /** The events that end the stream with an error of ours: never a clean end. "" after the end. */
  fail(error: AppError): string
  /** What keeps the client waiting during a silence, in a form that it counts; legal at this place of the stream. */
  keepalive(): string
}

/** The side of a protocol that clients see. */
export interface ClientCodec {
  readRequest(body: unknown): ReadRequest
  /** Top-level keys that are billed or refused by: they must not stand twice or in other letters. */
  guarded_keys: readonly string[]
  startWriting(start: AnswerStart): AnswerWriter
  /** The whole answer; events that fail or never end throw the AppError that they amount to. */
  collect(start: AnswerStart, events: Iterable<ModelEvent>): JsonObject
  /** `request_id` goes where the protocol has a place for it in the body. */
  writeError(error: AppError, request_id?: string): ErrorAnswer
  /** What is well-formed but cannot be served: no price, no size to hold for, another account's objects. */
  findRefusal?(body: JsonObject): Refusal | undefined
  /** Checks what a client of this protocol gets. */
  startValidating(): StreamValidator
}

/** A refusal in the client's words. */
export type Refusal = Problem & { code?: string }

/** Checks a stream against the laws of its protocol; never changes or stops it. */
export interface StreamValidator {
  /** One parsed `data:` with the name of its event. */
  note(name: string | undefined, data: unknown): void
  /** Every broken law as a sentence, once the stream is over. */
  end(): readonly string[]
}

/**
 * An answer whose bytes pass as they are, to a client of the same protocol: what is read from the side, and the little
 * that the client must get different.
 */
export interface Passage extends Sniffer {
  /** The bytes as this client must see them; the batch's own when nothing is different. */
  adapt(batch: Batch, start: AnswerStart): Uint8Array
  /** As AnswerWriter.fail, continuing the numbers and ids of the stream. */
  fail(error: AppError, start: AnswerStart): string
  /** As AnswerWriter.keepalive. */
  keepalive(start: AnswerStart): string
}

/** Reads one upstream answer. */
export interface AnswerReader {
  /** One parsed `data:` of the stream. */
  read(wire: unknown): readonly ModelEvent[]
  /** What is left to say when the stream is over: nothing after a terminal event, else that it failed. */
  end(): readonly ModelEvent[]
}

/** How a body passes. */
export interface Passed {
  /** What the upstream is asked for, whatever the client asked. */
  is_streamed: boolean
  /** Whether the model thinks: others refuse to be asked for sealed reasoning. */
  reasons: boolean
  quirks: ReadonlySet<Quirk>
}

/** The side of a protocol that upstreams see. */
export interface UpstreamCodec {
  /** Below the base URL. */
  path: string
  /** The body; the same bytes for the same request, so that prompt caches hit. */
  writeRequest(request: ModelRequest, target: Target): JsonObject
  /**
   * The members of a body that may pass as they are. A vendor's others could choose another model, another route or a
   * tool that nobody pays for (OpenRouter's `models` and `plugins`).
   */
  passed_keys: ReadonlySet<string>
  /**
   * Top-level values that must change in a body that passes as it is: what the gateway itself answers for (its own
   * store, the usage it bills by).
   */
  passEdits(body: JsonObject, how: Passed): JsonObject
  startReading(): AnswerReader
  /** A whole answer as the stream it stands for. */
  readAnswer(body: unknown): readonly ModelEvent[]
  startPassage(): Passage
  /** The same for a whole answer; `undefined` when it is neither an answer nor an error. */
  sniffAnswer(body: unknown): Sniffed | undefined
  /** A whole answer, as text, as this client must see it. */
  adaptAnswer(text: string, start: AnswerStart): string
  /** The whole answer that a complete stream (latin1) amounts to, to the letter where possible. */
  wholeAnswer(text: string): string | undefined
}
