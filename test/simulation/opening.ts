/** Opening a metered request, and whether its admission or refusal is right. */
import { type Admission, type Opened, openMeter, type Refusal } from "../../src/wallet/metering/meter.ts"
import { assertThat, type Customer, isWithin, type Operation, type Request } from "./oracle.ts"
import { CARDS, priceOf, TIERS, tokens, unservedTier } from "./prices.ts"
import { launch, type World } from "./world.ts"

const FIRST_SLICE_TOKENS = 4096

export type Wish = Pick<
  Admission,
  "rate_card" | "tier_asked" | "estimated_input_tokens" | "max_output_tokens"
>

export function pickWish({ random }: World): Wish {
  return {
    rate_card: random.pick(CARDS),
    tier_asked: random.pick(TIERS),
    estimated_input_tokens: random.chance(0.2) ? 0 : random.int(12_000),
    max_output_tokens: random.chance(0.5) ? 128_000 : random.between(1, 9_000),
  }
}

/** What the first hold of a request must be. */
export function firstHold({
  rate_card,
  tier_asked,
  estimated_input_tokens,
  max_output_tokens,
}: Wish): bigint {
  const slice = Math.min(FIRST_SLICE_TOKENS, max_output_tokens)
  return priceOf(rate_card, tokens(estimated_input_tokens, slice), unservedTier(rate_card, tier_asked))
}

/** Asks for a request to be opened. */
export function openRequest(world: World, customer: Customer, wish: Wish): Request {
  const request = createRequest(world, customer, wish)
  const { request_id } = request.admission
  const amount = firstHold(wish)
  world.oracle.requests.push(request)
  request.holding = amount
  const becomes = (phase: "open" | "refused") => {
    request.phase = phase
    request.holding -= amount
    if (phase === "open") request.holds.set(0, amount)
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
      becomes(opened.kind === "open" ? "open" : "refused")
      judgeOpened(opened, amount, { request, operation })
    },
    failed() {
      becomes("refused")
      return false
    },
    adopt: books => becomes(books.requests.has(request_id) ? "open" : "refused"),
  })
  return request
}

function createRequest(world: World, customer: Customer, wish: Wish): Request {
  const admission: Admission = {
    ...wish,
    request_id: world.newId("req"),
    customer_id: customer.id,
    key_id: "key_1",
    endpoint: "/v1/responses",
    is_streamed: true,
    model_asked: "m",
    model_served: wish.rate_card.model_id,
  }
  return {
    admission,
    customer,
    phase: "asked",
    meter: undefined,
    is_extending: false,
    is_ending: false,
    delivered: 0,
    holds: new Map(),
    holding: 0n,
    checkpoint: 0,
    end: undefined,
    is_said_to_have_ended: false,
    announced_count: 0,
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
      assertThat(BigInt(opened.meter.held_nanos) >= amount, () => `${what}: holds ${opened.meter.held_nanos}`)
      return
    case "frozen":
      assertThat(amount > 0n && frozen.has(true), () => `${what}: refused as frozen`)
      return
    case "insufficient":
      judgeRefusal(opened, amount, { request, operation })
  }
}

function judgeRefusal(refusal: Refusal, amount: bigint, { request, operation }: Asked): void {
  const { free, frozen, what } = operation
  const say = () => `${what}: refused with ${JSON.stringify(refusal)}, free ${free.low}…${free.high}`
  const available = BigInt(refusal.available_nanos)
  assertThat(BigInt(refusal.required_nanos) === amount && available < amount, say)
  assertThat(isWithin(available, free) && frozen.has(false), say)
  const { rate_card, tier_asked, estimated_input_tokens } = request.admission
  const price = (output: number) => priceOf(rate_card, tokens(0, output), unservedTier(rate_card, tier_asked))
  const left =
    available - priceOf(rate_card, tokens(estimated_input_tokens, 0), unservedTier(rate_card, tier_asked))
  const affordable = refusal.affordable_output_tokens
  const isMost = () => price(affordable) <= (left > 0n ? left : 0n) && price(affordable + 1) > left
  assertThat(rate_card.output_rate === 0 ? affordable === Number.POSITIVE_INFINITY : isMost(), say)
}
