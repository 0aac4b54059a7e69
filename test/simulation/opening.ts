/** Opening a metered request, and whether its admission or refusal is right. */
import { type Admission, type Opened, openMeter, type Refusal } from "../../src/wallet/metering/meter.ts"
import { launch } from "./launch.ts"
import { assertThat, type Customer, move, type Oracle, type Request } from "./oracle.ts"
import { CARDS, priceOf, TIERS, tokens, unservedTier } from "./prices.ts"
import type { World } from "./world.ts"

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
  const { oracle } = world
  const request = createRequest(world, customer, wish)
  const { request_id } = request.admission
  const amount = firstHold(wish)
  oracle.requests.push(request)
  launch<Opened>(world, {
    what: `open ${request_id} for ${customer.id}, ${amount} nanos`,
    async call(needs) {
      const { value, durable } = await openMeter(needs, request.admission)
      // Work goes on as soon as the hold is applied, as the gateway's does.
      if (value.kind === "open") request.meter = value.meter
      await durable
      return value
    },
    foresee() {
      const kind = foreseeOpening(customer, amount)
      return {
        check: value => judgeOpened(value as Opened, kind, { request, amount }),
        follow: () => kind === "open" && becomeOpen(oracle, request, amount),
      }
    },
  })
  return request
}

function foreseeOpening(customer: Customer, amount: bigint): Opened["kind"] {
  if (amount === 0n) return "open"
  if (customer.is_frozen) return "frozen"
  return customer.balances.token >= amount ? "open" : "insufficient"
}

function becomeOpen(oracle: Oracle, request: Request, amount: bigint): void {
  oracle.journal.set(request, "phase", "open")
  holdMore(oracle, request, { number: 0, amount })
}

/** Takes a hold from the free balance. */
export function holdMore(oracle: Oracle, request: Request, hold: { number: number; amount: bigint }): void {
  const { customer, admission } = request
  oracle.journal.put(request.holds, hold.number, hold.amount)
  const id = `${admission.request_id}:hold:${hold.number}`
  move(oracle, [{ id, from: `${customer.id}/token`, to: `${customer.id}/token_held`, amount: hold.amount }])
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
    checkpoint: 0,
    end: undefined,
    announced_count: 0,
  }
}

interface Asked {
  request: Request
  amount: bigint
}

function judgeOpened(opened: Opened, kind: Opened["kind"], asked: Asked): void {
  const { request, amount } = asked
  const { balances } = request.customer
  const say = () =>
    `${request.admission.request_id} should be ${kind}, is ${JSON.stringify(opened)} with ${balances.token} free`
  assertThat(opened.kind === kind, say)
  if (opened.kind === "open") assertThat(BigInt(opened.meter.held_nanos) === amount, say)
  if (opened.kind === "insufficient") assertThat(isRightRefusal(opened, asked), say)
}

/** It names what is there, what is needed, and the most output that is affordable. */
function isRightRefusal(refusal: Refusal, { request, amount }: Asked): boolean {
  const { token } = request.customer.balances
  const { rate_card, tier_asked, estimated_input_tokens } = request.admission
  const tier = unservedTier(rate_card, tier_asked)
  const priceOfOutput = (output: number) => priceOf(rate_card, tokens(0, output), tier)
  const left = token - priceOf(rate_card, tokens(estimated_input_tokens, 0), tier)
  const most = refusal.affordable_output_tokens
  const isMost = () => priceOfOutput(most) <= (left > 0n ? left : 0n) && priceOfOutput(most + 1) > left
  return (
    BigInt(refusal.required_nanos) === amount &&
    BigInt(refusal.available_nanos) === token &&
    (rate_card.output_rate === 0 ? most === Number.POSITIVE_INFINITY : isMost())
  )
}
