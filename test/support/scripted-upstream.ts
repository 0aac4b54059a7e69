/** A real HTTP server that plays a Responses upstream from a script and records what it was sent. */

/** What one request is answered with. */
export interface Step {
  /** Frames (or any chunks, cut anywhere) written one by one. */
  sse?: string | (string | Uint8Array)[]
  /** A whole JSON answer, used when there is no `sse`. */
  json?: unknown
  status?: number
  headers?: Record<string, string>
  /** Wait before the status line. */
  delayMs?: number
  /** Wait between two chunks. */
  gapMs?: number
  /** Break off after `after` chunks: a clean end of the body, or an aborted connection. */
  cut?: "end" | "reset"
  /** Say nothing more after `after` chunks and keep the connection open; without `after`, never answer. */
  silent?: true
  /** Chunks sent before `cut` or `silent`; all of them unless told. */
  after?: number
  /** Waited for before `cut`: a reset can overtake what was sent before it. */
  once?: Promise<unknown>
}

export interface UpstreamRequest {
  method: string
  path: string
  headers: Headers
  bytes: Uint8Array
  /** The parsed JSON body, or undefined when it is no JSON. */
  body: Record<string, unknown> | undefined
  at: number
  /** True once the caller closed the connection before the answer ended. */
  wasAborted: boolean
  /** True once every chunk of the step was written. */
  wasFinished: boolean
}

export type Script = Step[] | ((request: UpstreamRequest, index: number) => Step)

export interface ScriptedUpstream {
  /** Without a path: add `/v1`. */
  origin: string
  baseUrl: string
  requests: UpstreamRequest[]
  /** Requests that came after the script was used up; each was answered with a 400. */
  unexpectedCount: number
  /** Replaces what is still to come; requests stay recorded. */
  play(script: Script): void
  stop(): Promise<void>
}

/** Starts a scripted upstream; `script` is one step per request, or a function from request to step. */
export function startScriptedUpstream(script: Script = []): ScriptedUpstream {
  const requests: UpstreamRequest[] = []
  const ending = new AbortController()
  let playing = script
  let position = 0
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 256 * 1024 * 1024,
    async fetch(request) {
      const record = await readRecord(request)
      requests.push(record)
      const index = position++
      const step = typeof playing === "function" ? playing(record, index) : playing[index]
      const aborted = AbortSignal.any([request.signal, ending.signal])
      request.signal.addEventListener("abort", () => {
        record.wasAborted = !record.wasFinished
      })
      if (step) return answer(step, record, aborted)
      upstream.unexpectedCount++
      const message = `scripted upstream: no step for request ${index + 1}`
      return Response.json({ error: { message, type: "invalid_request_error" } }, { status: 400 })
    },
  })
  const origin = `http://127.0.0.1:${server.port}`
  const upstream: ScriptedUpstream = {
    origin,
    baseUrl: `${origin}/v1`,
    requests,
    unexpectedCount: 0,
    play(next) {
      playing = next
      position = 0
    },
    async stop() {
      ending.abort()
      await server.stop(true)
    },
  }
  return upstream
}

async function readRecord(request: Request): Promise<UpstreamRequest> {
  const bytes = new Uint8Array(await request.arrayBuffer())
  return {
    method: request.method,
    path: new URL(request.url).pathname,
    headers: request.headers,
    bytes,
    body: parseBody(bytes),
    at: Date.now(),
    wasAborted: false,
    wasFinished: false,
  }
}

function parseBody(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined // a body that is no JSON is judged by its bytes
  }
}

async function answer(step: Step, record: UpstreamRequest, aborted: AbortSignal): Promise<Response> {
  if (step.delayMs) await pause(step.delayMs, aborted)
  if (step.silent && step.after === undefined) {
    await pause(Number.POSITIVE_INFINITY, aborted)
    return new Response(null, { status: 499 })
  }
  const status = step.status ?? 200
  if (step.sse === undefined) {
    record.wasFinished = true
    return Response.json(step.json ?? {}, { status, headers: step.headers ?? {} })
  }
  const headers = { "content-type": "text/event-stream; charset=utf-8", ...step.headers }
  return new Response(streamOf(step, record, aborted), { status, headers })
}

function streamOf(step: Step, record: UpstreamRequest, aborted: AbortSignal): ReadableStream<Uint8Array> {
  const chunks = typeof step.sse === "string" ? [step.sse] : (step.sse ?? [])
  const last = Math.min(step.after ?? chunks.length, chunks.length)
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      for (let sent = 0; sent < last && !aborted.aborted; sent++) {
        if (sent > 0 && step.gapMs) await pause(step.gapMs, aborted)
        const chunk = chunks[sent]
        if (!aborted.aborted) controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk)
      }
      if (aborted.aborted) return
      if (step.silent) return pause(Number.POSITIVE_INFINITY, aborted)
      record.wasFinished = last === chunks.length && !step.cut
      if (step.cut) await step.once
      // The pause lets the written chunks leave before the connection is broken.
      if (step.cut === "reset") await pause(20, aborted)
      // No reason is given: Bun would print it as if it were a bug of ours.
      if (step.cut === "reset") controller.error()
      else controller.close()
    },
  })
}

/** Waits, or returns early when the caller is gone. */
function pause(durationMs: number, aborted: AbortSignal): Promise<void> {
  if (aborted.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = Number.isFinite(durationMs) ? setTimeout(resolve, durationMs) : undefined
  aborted.addEventListener("abort", () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}
