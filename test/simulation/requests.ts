/** What a metered request can go through: opened, streamed, extended, ended in every way, ended again. */
import { AppError } from "../../src/platform/errors.ts"
import { type Admission, extendMeter, needsNextSlice, type Opened, openMeter, type Refusal } from "../../src/wallet/metering/meter.ts"
import type { EndReason, Outcome, Settlement } from "../../src/wallet/metering/receipt.ts"
import { endMeter } from "../../src/wallet/metering/settle.ts"
import type { ReportedUsage } from "../../src/wallet/pricing/usage.ts"
import type { Books } from "./books.ts"
import { settlementIn } from "./judge-end.ts"
import { assertThat, type Customer, isWithin, type Operation, type Request } from "./oracle.ts"
import { CARDS, priceOf, TIERS, tokens } from "./prices.ts"
import { launch, type World } from "./world.ts"

const FIRST_SLICE_TOKENS = 4096

export type Wish = Pick<Admission, "rate_card" | "tier_asked" | "estimated_input_tokens" | "max_output_tokens">

export function pickWish({ random }: World): Wish {
  return {
    rate_card: random.pick(CARDS),
    tier_asked: random.pick(TIERS),
    estimated_input_tokens: random.chance(0.2) ? 0 : random.int(12_000),
    max_output_tokens: random.chance(0.5) ? 128_000 : random.between(1, 9_000),
  }
}

/** Asks for a request to be opened. */
export function openRequest(world: World, customer: Customer, wish: Wish): Request {
  const request: Request = {
    admission: admissionFor(world, customer, wish),
    customer,
    phase: "asked",
    meter: undefined,
    is_extending: false,
    delivered: 0,
    holds: new Map(),
    holding: 0n,
    checkpoint: 0,
    end: undefined,
    is_said_to_have_ended: false,
    announced_count: 0,
  }
  world.oracle.requests.push(request)
  const { request_id, rate_card, tier_asked, estimated_input_tokens, max_output_tokens } = request.admission
  const slice = Math.min(FIRST_SLICE_TOKENS, max_output_tokens)
  const amount = priceOf(rate_card, tokens(estimated_input_tokens, slice), tier_asked)
  request.holding = amount
  const isCommitted = () => {
    request.phase = "open"
    request.holding = 0n
    request.holds.set(0, amount)
  }
  launch<Opened>(world, {
    what: `open ${request_id} for ${customer.id}, ${amount} nanos`,
    customer,
    low: -amount,
    high: 0n,
    async call(needs) {
      const { value, durable } = await openMeter(needs, request.admission)
      // Work goes on as soon as the hold is applied, as the gateway's does.
      if (value.kind === "open") request.meter = value.meter
      await durable
      return value
    },
    done(opened, operation) {
      if (opened.kind === "open") isCommitted()
      else request.phase = "refused"
      judgeOpened(opened, amount, { request, operation })
    },
    failed() {
      request.phase = "refused"
      request.holding = 0n
      return false
    },
    adopt(books) {
      if (books.requests.has(request_id)) isCommitted()
      else request.phase = "refused"
    },
  })
  return request
}

function admissionFor(world: World, customer: Customer, wish: Wish): Admission {
  return {
    ...wish,
    request_id: world.newId("req"),
    customer_id: customer.id,
    key_id: "key_1",
    endpoint: "/v1/responses",
    is_streamed: true,
    model_asked: "m",
    model_served: wish.rate_card.model_id,
  }
}

interface Asked {
  request: Request
  operation: Operation
}

function judgeOpened(opened: Opened, amount: bigint, { request, operation }: Asked): void {
  const { free, frozen, what } = operation
  switch (opened.kind) {
    case "open":
      assertThat(free.high >= amount, () => `${what}: opened on at most ${free.high}`)
      assertThat(amount === 0n || frozen.has(false), () => `${what}: opened on a frozen wallet`)
      assertThat(BigInt(opened.meter.held_nanos) === amount, () => `${what}: holds ${opened.meter.held_nanos}`)
      return
    case "frozen":
      assertThat(amount > 0n && frozen.has(true), () => `${what}: refused as frozen`)
      return
    case "insufficient":
      return judgeRefusal(opened, amount, { request, operation })
  }
}

function judgeRefusal(refusal: Refusal, amount: bigint, { request, operation }: Asked): void {
  const { free, frozen, what } = operation
  const say = () => `${what}: refused with ${JSON.stringify(refusal)}, free ${free.low}…${free.high}`
  const available = BigInt(refusal.available_nanos)
  assertThat(BigInt(refusal.required_nanos) === amount && available < amount, say)
  assertThat(isWithin(available, free) && frozen.has(false), say)
  const { rate_card, tier_asked, estimated_input_tokens } = request.admission
  const price = (output: number) => priceOf(rate_card, tokens(0, output), tier_asked)
  const left = available - priceOf(rate_card, tokens(estimated_input_tokens, 0), tier_asked)
  const affordable = refusal.affordable_output_tokens
  if (!Number.isFinite(affordable)) return assertThat(rate_card.output_rate === 0, say)
  if (left <= 0n) return assertThat(affordable === 0 || price(affordable) === 0n, say)
  assertThat(price(affordable) <= left && price(affordable + 1) > left, say)
}

/** Delivers some output, and holds the next slice when that is due. */
export function deliver(world: World, request: Request): void {
  const { meter } = request
  if (!meter || request.is_extending) return
  request.delivered += world.random.between(1, 4_000)
  if (needsNextSlice(meter, request.delivered)) extend(world, request)
}

/** Holds the next slice, whether it is due or not. */
export function extend(world: World, request: Request): void {
  const { meter, admission, customer } = request
  if (!meter || request.is_extending) return
  const number = meter.hold_count
  const delivered = request.delivered
  const slice = Math.max(0, Math.min(meter.slice_tokens * 2, 16_384, admission.max_output_tokens - meter.held_output_tokens))
  const amount = priceOf(admission.rate_card, tokens(0, slice), admission.tier_asked)
  request.is_extending = true
  request.holding += amount
  const is_ending = request.end !== undefined || isEnding(world, request)
  const isCommitted = () => {
    request.holds.set(number, amount)
    request.checkpoint = delivered
  }
  const isOver = () => {
    request.is_extending = false
    request.holding -= amount
  }
  launch(world, {
    what: `hold ${admission.request_id}:${number}, ${amount} nanos`,
    customer,
    low: -amount,
    high: amount,
    call: needs => extendMeter(needs, meter, delivered),
    done(result, { free, frozen, what }) {
      isOver()
      if (result === "held") isCommitted()
      const isRight =
        result === "held"
          ? free.high >= amount && (amount === 0n || frozen.has(false))
          : free.low < amount || frozen.has(true)
      assertThat(isRight, () => `${what}: ${result} with ${free.low}…${free.high} free`)
    },
    failed(error) {
      isOver()
      // Its request had ended, or its opening was undone by a fault.
      return error instanceof AppError && error.reason === "internal" && (is_ending || request.phase === "refused")
    },
    adopt(books) {
      request.is_extending = false
      if ((books.requests.get(admission.request_id)?.hold_count ?? 0) > number) isCommitted()
    },
  })
}

const isEnding = (world: World, request: Request) =>
  [...world.oracle.under_way].some(operation => operation.what.startsWith(`end ${request.admission.request_id} `))

const STREAM_ENDS: readonly EndReason[] = ["completed", "incomplete", "failed", "cut", "client-left", "out-of-credit"]

/** An outcome as a stream could have it: with usage below, near or far above what is held, zero, doubted, none. */
export function pickOutcome({ random }: World, request: Request): Outcome {
  const end_reason = random.pick(STREAM_ENDS)
  const tier_served = random.chance(0.3) ? random.pick(TIERS) : undefined
  const outcome = { end_reason, tier_served, served_by: undefined, attempts: [], reported: undefined }
  const end = { ...outcome, delivered_output_tokens: request.delivered, first_output_ms: random.int(2 ** 31) }
  if (random.chance(0.2)) return end
  if (random.chance(0.1)) return { ...end, end_reason: "refused-upstream", delivered_output_tokens: 0 }
  return { ...end, reported: pickReport({ random }, request) }
}

function pickReport({ random }: Pick<World, "random">, request: Request): ReportedUsage {
  const input_tokens = random.int(request.admission.estimated_input_tokens + 1)
  const usage = tokens(input_tokens, request.delivered)
  const roll = random.int(6)
  if (roll === 0) return { usage: tokens(0, 0) }
  if (roll === 1) return { usage: { ...usage, output_tokens: random.int(3_000_000) } }
  if (roll === 2) return { usage, flag: "cached exceeds input" }
  if (roll === 3) return { usage: { ...usage, cache_read_tokens: random.int(50_000), web_search_count: random.int(3) } }
  if (roll === 4) return { usage: { ...usage, cache_write_5m_tokens: random.int(999), cache_write_1h_tokens: random.int(999) } }
  return { usage: { ...usage, reasoning_tokens: random.int(usage.output_tokens + 1) } }
}

/** Ends a request, for the first time or again. */
export function endRequest(world: World, request: Request, outcome: Outcome): void {
  const { meter, admission, customer } = request
  if (!meter) return
  const { request_id, rate_card, tier_asked } = admission
  const tier = outcome.tier_served ?? tier_asked
  const held = [...request.holds.values()].reduce((sum, amount) => sum + amount, request.holding)
  const price = outcome.reported ? priceOf(rate_card, outcome.reported.usage, tier) : held
  const isCommitted = (settlement: Settlement, { free, frozen }: Operation) => {
    assertThat(request.end === undefined, () => `${request_id} ended twice`)
    request.end = { outcome, settlement, free, frozen }
  }
  const job = {
    what: `end ${request_id} ${JSON.stringify(outcome)}`,
    customer,
    low: -price,
    high: held,
  }
  let operation: Operation | undefined
  launch<Settlement | undefined>(world, {
    ...job,
    call: needs => endMeter(needs, meter, outcome),
    done(settlement, finished) {
      operation = finished
      if (settlement) isCommitted(settlement, finished)
      else request.is_said_to_have_ended = true
    },
    adopt(books: Books) {
      const found = settlementIn(books.requests.get(request_id), outcome)
      if (found && !request.end) isCommitted(found, operation ?? (this as unknown as Operation))
    },
  })
}
