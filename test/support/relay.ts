/** A recording relay between a client and the gateway: passes everything on and keeps both sides' bytes. */

export interface Exchange {
  method: string
  path: string
  at: number
  requestHeaders: Headers
  requestBytes: Uint8Array
  /** 0 until the answer's headers came. */
  status: number
  responseHeaders: Headers
  /** What has passed so far. */
  responseBytes: Uint8Array
  /** True once the answer ended cleanly. */
  hasEnded: boolean
}

export interface Relay {
  baseUrl: string
  exchanges: Exchange[]
  stop(): Promise<void>
}

/** Starts a relay on loopback in front of `targetOrigin`, for example `http://127.0.0.1:8787`. */
export function startRelay(targetOrigin: string): Relay {
  const exchanges: Exchange[] = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 256 * 1024 * 1024,
    fetch: request => passOn(request, { targetOrigin, exchanges }),
  })
  return {
    baseUrl: `http://127.0.0.1:${server.port}/v1`,
    exchanges,
    stop: () => server.stop(true),
  }
}

interface Recording {
  targetOrigin: string
  exchanges: Exchange[]
}

async function passOn(request: Request, { targetOrigin, exchanges }: Recording): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  const exchange: Exchange = {
    method: request.method,
    path: pathname + search,
    at: Date.now(),
    requestHeaders: request.headers,
    requestBytes: new Uint8Array(await request.arrayBuffer()),
    status: 0,
    responseHeaders: new Headers(),
    responseBytes: new Uint8Array(),
    hasEnded: false,
  }
  exchanges.push(exchange)
  const headers = new Headers(request.headers)
  for (const name of ["host", "connection", "content-length"]) headers.delete(name)
  const answer = await fetch(targetOrigin + exchange.path, {
    method: request.method,
    headers,
    ...(exchange.requestBytes.length > 0 ? { body: exchange.requestBytes } : {}),
    signal: request.signal,
    decompress: false,
    redirect: "manual",
  })
  exchange.status = answer.status
  exchange.responseHeaders = answer.headers
  const body = answer.body ? recorded(answer.body, exchange) : null
  return new Response(body, { status: answer.status, headers: answer.headers })
}

function recorded(body: ReadableStream<Uint8Array>, exchange: Exchange): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream({
    async pull(controller) {
      // No reason is given on: Bun would print it as if it were a bug of ours.
      const chunk = await reader.read().catch(() => undefined)
      if (!chunk) return controller.error()
      if (chunk.done) {
        exchange.hasEnded = true
        return controller.close()
      }
      exchange.responseBytes = Buffer.concat([exchange.responseBytes, chunk.value])
      controller.enqueue(chunk.value)
    },
    cancel: reason => reader.cancel(reason),
  })
}
