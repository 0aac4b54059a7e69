/** Places at upstreams that take only so many calls at once: who waits, who goes first, who is turned away. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"

/** Gives a place back; calling it again does nothing. */
export type Release = () => void

export interface LimitedUpstream {
  id: string
  /** The most calls at once; null or absent is any number. */
  max_concurrency?: number | null
}

export interface Asker {
  is_vip: boolean
  /** Aborts when the client has left. */
  signal: AbortSignal
}

export interface Admission {
  /**
   * Takes a place, or waits for one: VIP first, then in order of arrival. Rejects with `rate_limited` when too many
   * wait or it took too long, and with the signal's reason when it aborts.
   */
  admit(upstream: LimitedUpstream, asker: Asker): Promise<Release>
  /** Whether a call would have to wait. */
  isFull(upstream: LimitedUpstream): boolean
}

interface Waiter {
  enter(release: Release): void
  refuse(reason: unknown): void
}

interface Gate {
  max_count: number
  open_count: number
  /** Sets keep the order of arrival, and anyone can leave at once. */
  vips: Set<Waiter>
  others: Set<Waiter>
}

/** More would only wait to be turned away. */
const LONGEST_QUEUE = 256
/** Clients and proxies give up on a silent connection much later; a failover is worth more than a longer wait. */
const LONGEST_WAIT_MS = 10_000
/** A place is free again when any answer ends. */
const RETRY_AFTER_MS = 2_000

const ANY_TIME: Promise<Release> = Promise.resolve(() => {})

export function createAdmission(clock: Clock): Admission {
  /** Only upstreams that have, or had, a limit. */
  const gates = new Map<string, Gate>()

  function gateOf(id: string, max_count: number): Gate {
    const gate = gates.get(id) ?? { max_count, open_count: 0, vips: new Set(), others: new Set() }
    gates.set(id, gate)
    // The operator may have changed it: whoever waits goes in before anyone who comes.
    gate.max_count = max_count
    serve(gate)
    return gate
  }

  return {
    admit({ id, max_concurrency = null }, asker) {
      if (max_concurrency === null) {
        if (gates.has(id)) gateOf(id, Number.POSITIVE_INFINITY)
        return ANY_TIME
      }
      if (asker.signal.aborted) return Promise.reject(asker.signal.reason)
      const gate = gateOf(id, max_concurrency)
      if (gate.open_count < gate.max_count) return Promise.resolve(take(gate))
      const has_room = queueLength(gate) < LONGEST_QUEUE || (asker.is_vip && displace(gate))
      return has_room ? wait(clock, gate, asker) : Promise.reject(saturated())
    },
    isFull({ id, max_concurrency = null }) {
      return max_concurrency !== null && (gates.get(id)?.open_count ?? 0) >= max_concurrency
    },
  }
}

/** Lets in whoever there is a place for. */
function serve(gate: Gate): void {
  while (gate.open_count < gate.max_count) {
    const next = takeFirst(gate.vips) ?? takeFirst(gate.others)
    if (!next) return
    next.enter(take(gate))
  }
}

function take(gate: Gate): Release {
  gate.open_count++
  let is_released = false
  return () => {
    if (is_released) return
    is_released = true
    gate.open_count--
    serve(gate)
  }
}

function wait(clock: Clock, gate: Gate, { is_vip, signal }: Asker): Promise<Release> {
  const queue = is_vip ? gate.vips : gate.others
  return new Promise((resolve, reject) => {
    const cancel = clock.after(LONGEST_WAIT_MS, () => waiter.refuse(saturated()))
    const leave = () => waiter.refuse(signal.reason)
    const depart = () => {
      cancel()
      signal.removeEventListener("abort", leave)
      queue.delete(waiter)
    }
    const waiter: Waiter = {
      enter(release) {
        depart()
        resolve(release)
      },
      refuse(reason) {
        depart()
        reject(reason)
      },
    }
    signal.addEventListener("abort", leave, { once: true })
    queue.add(waiter)
  })
}

const queueLength = (gate: Gate): number => gate.vips.size + gate.others.size

function takeFirst(queue: Set<Waiter>): Waiter | undefined {
  for (const waiter of queue) {
    queue.delete(waiter)
    return waiter
  }
  return undefined
}

/** Turns away the one of the others who came last, so that a VIP finds the queue open. */
function displace({ others }: Gate): boolean {
  const last = [...others].at(-1)
  last?.refuse(saturated())
  return last !== undefined
}

const saturated = (): AppError =>
  new AppError(
    "rate_limited",
    "The model's server is at its limit of requests at once. Try again in a moment.",
    {
      code: "upstream_saturated",
      retry_after_ms: RETRY_AFTER_MS,
    },
  )
