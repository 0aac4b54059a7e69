/** The torture's load: clients that remember only what they were told completely, and their upstream. */
import type { Customer, Executable } from "../support/executable.ts"
import { nanosOf, priceOf } from "../support/price.ts"
import { textTurn, wholeTextTurn } from "../support/responses-turns.ts"
import type { Step, UpstreamRequest } from "../support/scripted-upstream.ts"

/** Something the server said is done; it must be in the books whatever happens afterwards. */
export type Acknowledged =
  | { kind: "whole" | "stream"; request_id: string; cost: bigint }
  | { kind: "credit"; transfer_id: string; customer_id: string; amount: bigint }

/** What a client wants of the upstream; it travels as the request's input. */
interface Plan {
  is_streamed: boolean
  input_tokens: number
  text_length: number
  gap_ms: number
}

const BYTES_PER_TOKEN = 4
const MODEL = "gpt-5.5"

const usageOf = ({ input_tokens, text_length }: Plan) => ({
  input: input_tokens,
  cached: Math.floor(input_tokens / 2),
  output: Math.ceil(text_length / BYTES_PER_TOKEN),
})

/** Plays the upstream: answers each request by the plan in its input. */
export function playPlan(request: UpstreamRequest): Step {
  const plan = JSON.parse(String(request.body?.input)) as Plan
  const text = "x".repeat(plan.text_length)
  if (!plan.is_streamed) return { json: wholeTextTurn(text, usageOf(plan)), delayMs: plan.gap_ms }
  return { sse: textTurn(text, usageOf(plan), { deltas: 20 }), gapMs: plan.gap_ms }
}

/** Whole answers, quick streams, and slow streams that need up to five slices. */
function pickPlan(random: () => number): Plan {
  const input_tokens = Math.floor(random() * 3_000)
  const roll = random()
  if (roll < 0.4)
    return { is_streamed: false, input_tokens, text_length: 200, gap_ms: Math.floor(random() * 5) }
  if (roll < 0.7) return { is_streamed: true, input_tokens, text_length: 2_000, gap_ms: 0 }
  return {
    is_streamed: true,
    input_tokens,
    text_length: 20_000 + Math.floor(random() * 150_000),
    gap_ms: 2 + Math.floor(random() * 30),
  }
}

/** One customer's client; it goes on until the server is gone, and gives what it was told. */
export async function runClient(
  server: Executable,
  customer: Customer,
  options: { random: () => number; isOver: () => boolean },
): Promise<Acknowledged[]> {
  const told: Acknowledged[] = []
  try {
    while (!options.isOver()) {
      const one = await ask(server, customer, pickPlan(options.random))
      if (one) told.push(one)
    }
  } catch (error) {
    // The server was killed in the middle of an answer: what was not complete is not acknowledged.
    if (!options.isOver()) throw error
  }
  return told
}

/** Sends a request; `undefined` when the answer was not complete. Throws when it breaks or is refused. */
async function ask(server: Executable, customer: Customer, plan: Plan): Promise<Acknowledged | undefined> {
  const answer = await fetch(`${server.baseUrl}/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${customer.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, stream: plan.is_streamed, input: JSON.stringify(plan) }),
    signal: AbortSignal.timeout(20_000),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${text}`)
  const request_id = answer.headers.get("x-codexapi-request-id")!
  if (plan.is_streamed) {
    const is_complete = text.includes("event: response.completed") && text.endsWith("\n\n")
    return is_complete ? { kind: "stream", request_id, cost: priceOf(usageOf(plan)) } : undefined
  }
  JSON.parse(text)
  const cost = nanosOf(answer.headers.get("x-codexapi-cost-usd")!)
  return { kind: "whole", request_id, cost }
}

/** An operator who goes on giving credit, with commands beside the server. */
export async function runOperator(
  server: Executable,
  customers: readonly Customer[],
  isOver: () => boolean,
): Promise<Acknowledged[]> {
  const told: Acknowledged[] = []
  for (let number = 0; !isOver(); number++) {
    const customer_id = customers[number % customers.length]!.id
    const amount_usd = `0.${100 + number}`
    const words = ["--customer", customer_id, "--amount", amount_usd, "--reason", "torture"]
    const { transferId } = await server.admin("customer", "credit", ...words)
    told.push({ kind: "credit", transfer_id: String(transferId), customer_id, amount: nanosOf(amount_usd) })
  }
  return told
}
