/** The second seam: a fetch that answers from a script and records what it was asked; no network. */
import type { Fetch } from "../../src/platform/fetch.ts"

/** One call that reached the seam. */
export interface FetchCall {
  url: string
  headers: Headers
  body: string
  signal: AbortSignal
}

export type Answer = (call: FetchCall) => Response | Promise<Response>

export interface FakeFetch {
  fetch: Fetch
  calls: FetchCall[]
  /** Answers for the calls to come, one each; a call beyond them is refused like a dead address. */
  play(...answers: Answer[]): void
}

export function createFakeFetch(): FakeFetch {
  const calls: FetchCall[] = []
  const script: Answer[] = []
  return {
    calls,
    play: (...answers) => void script.push(...answers),
    async fetch(url, init) {
      const signal = init.signal ?? new AbortController().signal
      const call = { url, headers: new Headers(init.headers), body: String(init.body), signal }
      calls.push(call)
      const answer = script.shift()
      if (!answer) throw new Error(`no answer is scripted for call ${calls.length} to ${url}`)
      signal.throwIfAborted()
      return answer(call)
    },
  }
}

/** A whole answer. */
export const jsonAnswer =
  (body: unknown, init: ResponseInit = {}): Answer =>
  () =>
    Response.json(body, init)

/** An answer of any bytes. */
export const rawAnswer =
  (body: string | Uint8Array<ArrayBuffer>, init: ResponseInit = {}): Answer =>
  () =>
    new Response(body, init)

/** The address cannot be reached. */
export const deadAnswer: Answer = () => Promise.reject(new Error("connection refused"))

/** Nothing ever comes, until the caller gives up. */
export const silentAnswer: Answer = call =>
  new Promise((_, reject) => {
    call.signal.addEventListener("abort", () => reject(call.signal.reason), { once: true })
  })

/** A stream of these chunks and its end: `end` closes it well, `reset` breaks the connection. */
export function streamAnswer(chunks: readonly Chunk[], end: "end" | "reset" = "end"): Answer {
  return call => {
    const stream = openStream()
    for (const chunk of chunks) stream.push(chunk)
    if (end === "end") stream.end()
    else stream.reset()
    return stream.answer(call)
  }
}

export type Chunk = string | Uint8Array

/** An upstream's stream in a test's hand. What is pushed is read in order, each chunk on its own. */
export interface OpenStream {
  answer: Answer
  push(chunk: Chunk): void
  end(): void
  reset(): void
  /** Resolves when the caller hung up before the end. */
  hung_up: Promise<void>
}

export function openStream(headers: Record<string, string> = {}): OpenStream {
  const waiting: (Uint8Array | "end" | "reset")[] = []
  const hung_up = Promise.withResolvers<void>()
  let arrived = Promise.withResolvers<void>()

  function give(part: Uint8Array | "end" | "reset"): void {
    waiting.push(part)
    arrived.resolve()
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (waiting.length === 0) await arrived.promise
    const part = waiting.shift()!
    if (waiting.length === 0) arrived = Promise.withResolvers()
    if (part === "end") controller.close()
    else if (part === "reset") controller.error(new Error("connection reset"))
    else controller.enqueue(part)
  }

  function answer(call: FetchCall): Response {
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          call.signal.addEventListener("abort", () => {
            controller.error(call.signal.reason)
            hung_up.resolve()
          })
        },
        pull,
        cancel: () => hung_up.resolve(),
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers: { "content-type": "text/event-stream", ...headers } })
  }

  return {
    answer,
    push: chunk => give(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk),
    end: () => give("end"),
    reset: () => give("reset"),
    hung_up: hung_up.promise,
  }
}
