/** One keep-alive HTTP/1.1 connection that reads no more of an answer than where it begins and ends. */

export interface Answer {
  status: number
  /** To the first byte of the body. */
  firstByteMs: number
  /** From the moment the upstream wrote a stamp to its arrival here; undefined when none came. */
  deltaMs: number | undefined
  totalMs: number
  /** False when the connection ended before the answer did. */
  isWhole: boolean
  /** True when the connection cannot be used again. */
  isClosed: boolean
}

export interface Connection {
  /** One at a time. */
  send(request: Uint8Array): Promise<Answer>
  onFirstByte: (() => void) | undefined
  close(): void
}

interface Reading {
  sentAt: number
  firstByteAt: number
  deltaMs: number | undefined
  status: number
  head: string
  hasHead: boolean
  /** Bytes still to come; -1 for a chunked body. */
  remaining: number
  /** The last bytes of a chunked body. */
  tail: string
  resolve: (answer: Answer) => void
}

const lastChunk = "\r\n0\r\n\r\n"
/** Wall-clock milliseconds as the upstream writes them into a delta: both processes share the machine's clock. */
const stamp = /@(\d+\.\d+)@/

/** The text of a stamp of now. */
export const stampNow = (): string => `@${(performance.timeOrigin + performance.now()).toFixed(4)}@`

/** Connects to a port on loopback; `isStamped`: answers are searched for a stamp. */
export async function openConnection(port: number, isStamped = false): Promise<Connection> {
  let reading: Reading | undefined
  let unsent: Uint8Array = new Uint8Array(0)
  const finish = (isWhole: boolean, isClosed: boolean) => {
    if (!reading) return
    const { sentAt, firstByteAt, deltaMs, status, resolve } = reading
    const now = performance.now()
    reading = undefined
    resolve({ status, firstByteMs: firstByteAt - sentAt, deltaMs, totalMs: now - sentAt, isWhole, isClosed })
  }
  const flush = () => {
    if (unsent.length > 0) unsent = unsent.subarray(Math.max(0, socket.write(unsent)))
  }
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, bytes) {
        if (!reading) return
        const hadFirstByte = reading.firstByteAt > 0
        if (isStamped) reading.deltaMs ??= ageOfStamp(bytes)
        const isDone = take(reading, bytes)
        if (!hadFirstByte && reading.firstByteAt > 0) connection.onFirstByte?.()
        if (isDone) finish(true, false)
      },
      drain: flush,
      close: () => finish(false, true),
      error: () => finish(false, true),
    },
  })
  const connection: Connection = {
    onFirstByte: undefined,
    send(request) {
      const { promise, resolve } = Promise.withResolvers<Answer>()
      const fresh = { firstByteAt: 0, deltaMs: undefined, status: 0, head: "", hasHead: false, remaining: 0 }
      reading = { ...fresh, tail: "", sentAt: performance.now(), resolve }
      unsent = request
      flush()
      return promise
    },
    close: () => socket.end(),
  }
  return connection
}

/** Takes the next bytes of an answer; true when they were the last. */
function take(reading: Reading, bytes: Buffer): boolean {
  if (reading.hasHead) return takeBody(reading, bytes)
  reading.head += bytes.toString("latin1")
  const end = reading.head.indexOf("\r\n\r\n")
  if (end < 0) return false
  const body = Buffer.from(reading.head.slice(end + 4), "latin1")
  const head = reading.head.slice(0, end)
  reading.hasHead = true
  reading.status = Number(head.slice(9, 12))
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  reading.remaining = length === undefined ? -1 : Number(length)
  reading.tail = "\r\n"
  return body.length > 0 ? takeBody(reading, body) : reading.remaining === 0
}

function takeBody(reading: Reading, bytes: Buffer): boolean {
  if (reading.firstByteAt === 0) reading.firstByteAt = performance.now()
  if (reading.remaining >= 0) {
    reading.remaining -= bytes.length
    return reading.remaining <= 0
  }
  const tail = bytes.subarray(-lastChunk.length).toString("latin1")
  reading.tail = (reading.tail + tail).slice(-lastChunk.length)
  return reading.tail === lastChunk
}

function ageOfStamp(bytes: Buffer): number | undefined {
  const written = stamp.exec(bytes.toString("latin1"))?.[1]
  return written === undefined ? undefined : performance.timeOrigin + performance.now() - Number(written)
}
