/** What goes wrong between Stripe and us, on purpose: scripted for the next call, or by chance from a seed. */

/** What happens to a call of the API. */
export type CallFault =
  /** Nothing is done. */
  | { kind: "refuse"; status: 429 | 500 }
  /**
   * It is done, and the connection breaks before the answer. The package repeats a POST once by itself after that,
   * with the key it made, and gets the answer; with `count: 2` its caller sees the error.
   */
  | { kind: "lose-answer" }
  /** It is done, and the answer is 500; a repeat with the key gets the answer, or the 500 again when that is kept. */
  | { kind: "answer-500"; is_kept?: boolean }
  /** It is done later. */
  | { kind: "delay"; delay_ms: number }

/** What happens to the delivery of an event. */
export type DeliveryFault =
  /** It is never sent; the event is in the list only. */
  | { kind: "lose" }
  /** It is sent `count` times more. */
  | { kind: "duplicate"; count: number }
  /** It changes places with others that wait. */
  | { kind: "reorder" }
  /** It is sent when the clock has moved on by that much. */
  | { kind: "delay"; delay_ms: number }

/** Which calls: by method and by the beginning of the path; how often, once unless said. */
export interface CallMatch {
  method?: "GET" | "POST"
  path?: string
  count?: number
}

/** Which events: by the beginning of the type; how often, once unless said. */
export interface DeliveryMatch {
  type?: string
  count?: number
}

export interface Faults {
  nextCall(fault: CallFault, match?: CallMatch): void
  /** From now on, each matching call with this probability. */
  someCalls(probability: number, fault: CallFault, match?: CallMatch): void
  nextDelivery(fault: DeliveryFault, match?: DeliveryMatch): void
  someDeliveries(probability: number, fault: DeliveryFault, match?: DeliveryMatch): void
  /** Chance begins anew: the same seed and the same calls give the same faults. */
  seed(seed: number): void
  /** Forgets every fault. */
  clear(): void
}

/** The side that the API and the webhooks ask. */
export interface FaultSource extends Faults {
  /** The fault of this call, if any: scripted ones first. */
  drawCall(method: string, path: string): CallFault | undefined
  /** The faults of this delivery; several can come together. */
  drawDelivery(type: string): DeliveryFault[]
  /** A number in [0, 1). */
  chance(): number
}

interface Rule<F> {
  fault: F
  matches(subject: string): boolean
  /** How often it still applies; scripted rules only. */
  left: number
  probability: number
}

export function createFaults(first_seed: number): FaultSource {
  let state = first_seed >>> 0
  const calls: Rule<CallFault>[] = []
  const deliveries: Rule<DeliveryFault>[] = []

  /** SplitMix32. */
  function chance(): number {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }

  function draw<F>(rules: Rule<F>[], subject: string): F[] {
    const drawn: F[] = []
    for (const rule of rules) {
      if (rule.left === 0 || !rule.matches(subject)) continue
      if (rule.probability < 1 && chance() >= rule.probability) continue
      rule.left -= 1
      drawn.push(rule.fault)
    }
    return drawn
  }

  const callRule = (fault: CallFault, match: CallMatch = {}): Rule<CallFault> => ({
    fault,
    matches: subject => {
      const [method = "", path = ""] = subject.split(" ")
      return (!match.method || match.method === method) && path.startsWith(match.path ?? "")
    },
    left: match.count ?? 1,
    probability: 1,
  })

  const deliveryRule = (fault: DeliveryFault, match: DeliveryMatch = {}): Rule<DeliveryFault> => ({
    fault,
    matches: type => type.startsWith(match.type ?? ""),
    left: match.count ?? 1,
    probability: 1,
  })

  const always = Number.POSITIVE_INFINITY
  return {
    nextCall: (fault, match) => void calls.push(callRule(fault, match)),
    someCalls: (probability, fault, match) =>
      void calls.push({ ...callRule(fault, { count: always, ...match }), probability }),
    nextDelivery: (fault, match) => void deliveries.push(deliveryRule(fault, match)),
    someDeliveries: (probability, fault, match) =>
      void deliveries.push({ ...deliveryRule(fault, { count: always, ...match }), probability }),
    seed: seed => {
      state = seed >>> 0
    },
    clear: () => {
      calls.length = 0
      deliveries.length = 0
    },
    drawCall(method, path) {
      const scripted = calls.filter(rule => rule.probability === 1)
      const next = scripted.find(rule => rule.left > 0 && rule.matches(`${method} ${path}`))
      if (!next) return draw(calls, `${method} ${path}`)[0]
      next.left -= 1
      return next.fault
    },
    drawDelivery: type => draw(deliveries, type),
    chance,
  }
}
