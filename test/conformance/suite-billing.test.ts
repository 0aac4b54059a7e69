/** The billing cases can pass and can fail: a stub with a wallet and receipts, made dishonest in one place per row. */
import { describe, expect, test } from "bun:test"
import { DOORS, type Door } from "../../src/conformance/case.ts"
import { openSubject, type Result, runCases } from "../../src/conformance/run.ts"
import { selectCases } from "../../src/conformance/suite.ts"
import { formatUsd } from "../../src/wallet/ledger/nanos.ts"
import { countTokens, STUB_KEY, type StubAnswer, type StubAsk, startStub } from "./stub-server.ts"

/** A charge before it is written down; a test makes it dishonest. */
interface Charge {
  input_tokens: number
  output_tokens: number
  cost_nanos: number
  /** What the balance loses. */
  taken_nanos: number
  loss_nanos: number
  /** What the header says. */
  shown_nanos: number
  receipt_count: number
  is_streamed: boolean
  serial: number
}

interface Dishonesty {
  /** Changes the charge of an answer. */
  charge?: (charge: Charge) => void
  /** What a refusal costs. */
  refusal_nanos?: number
  /** What a model list or a count costs. */
  free_nanos?: number
}

const INPUT_NANOS = 5_000
const OUTPUT_NANOS = 30_000

/** A stub whose customer pays by two rates, and its books. */
function startBilledStub({ charge, refusal_nanos = 0, free_nanos = 0 }: Dishonesty) {
  let balance_nanos = 10_000_000_000
  let serial = 0
  const receipts: Record<string, unknown>[] = []

  function bill(answer: StubAnswer, { body }: StubAsk): void {
    const tokens = countTokens(body!)
    const cost_nanos = tokens.input_tokens * INPUT_NANOS + tokens.output_tokens * OUTPUT_NANOS
    const is_streamed = answer.events !== undefined
    const amounts = { cost_nanos, taken_nanos: cost_nanos, loss_nanos: 0, shown_nanos: cost_nanos }
    const one: Charge = { ...tokens, ...amounts, receipt_count: 1, is_streamed, serial: ++serial }
    charge?.(one)
    balance_nanos -= one.taken_nanos
    const request_id = `req_${one.serial}`
    for (let count = 0; count < one.receipt_count; count++) receipts.unshift(receiptOf(request_id, one))
    answer.headers["x-codexapi-request-id"] = request_id
    if (!is_streamed) answer.headers["x-codexapi-cost-usd"] = usd(one.shown_nanos)
  }

  return startStub(
    (answer, ask) => {
      const is_model_call = ask.method === "POST" && DOORS.includes(ask.path as Door)
      if (is_model_call && answer.status === 200) bill(answer, ask)
      else if (is_model_call) balance_nanos -= refusal_nanos
      else if (!ask.path.startsWith("/api")) balance_nanos -= free_nanos
      return answer
    },
    ({ path }) => {
      const json =
        path === "/api/v1/wallet/status" ? walletOf(balance_nanos) : { data: receipts.slice(0, 100) }
      return path.startsWith("/api/") ? { status: 200, headers: {}, json } : undefined
    },
  )
}

const usd = (nanos: number): string => formatUsd(BigInt(nanos))
const walletOf = (nanos: number) => ({ balanceUsd: usd(nanos), heldUsd: "0.00", availableUsd: usd(nanos) })

const receiptOf = (requestId: string, one: Charge) => ({
  requestId,
  costUsd: usd(one.cost_nanos),
  chargedUsd: usd(one.taken_nanos),
  lossUsd: usd(one.loss_nanos),
  rateCardId: "rc_1",
  tierServed: "default",
  inputTokens: one.input_tokens,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: one.output_tokens,
  webSearchCount: 0,
  usageSource: "reported",
})

async function runBilling(dishonesty: Dishonesty): Promise<Result[]> {
  await using stub = startBilledStub(dishonesty)
  const subject = await openSubject({ base_url: stub.url, key: STUB_KEY })
  expect(subject.target.is_ours).toBe(true)
  return await runCases(subject, selectCases(["billing"]))
}

const charged = (change: (charge: Charge) => void): Dishonesty => ({ charge: change })

const WHOLE = DOORS.map(door => `billing.whole ${door}`)
const STREAMS = DOORS.map(door => `billing.stream ${door}`)

const DISHONEST: [what: string, dishonesty: Dishonesty, seen_by: string[]][] = [
  [
    "a balance that loses a nano more than the receipt says",
    charged(one => {
      one.taken_nanos += 1
    }),
    [...WHOLE, ...STREAMS],
  ],
  [
    "a charge without a receipt",
    charged(one => {
      one.receipt_count = 0
    }),
    [...WHOLE, ...STREAMS, "billing.sum"],
  ],
  [
    "two receipts for one request",
    charged(one => {
      one.receipt_count = 2
    }),
    [...WHOLE, ...STREAMS, "billing.sum"],
  ],
  [
    "a header that shows another cost",
    charged(one => {
      one.shown_nanos += 1
    }),
    WHOLE,
  ],
  [
    "a receipt with other counters than the client saw",
    charged(one => {
      one.output_tokens += 1
    }),
    [...WHOLE, ...STREAMS],
  ],
  [
    "streams that cost more",
    charged(one => {
      if (one.is_streamed) {
        one.cost_nanos += 1_000
        one.taken_nanos += 1_000
      }
    }),
    STREAMS,
  ],
  [
    "a cost that is neither charged nor lost",
    charged(one => {
      one.cost_nanos += 7
      one.shown_nanos += 7
    }),
    [...WHOLE, ...STREAMS],
  ],
  [
    "prices by a rate that changes from request to request",
    charged(one => {
      const extra = (one.serial % 3) * 100_000
      one.cost_nanos += extra
      one.taken_nanos += extra
      one.shown_nanos += extra
    }),
    ["billing.linear"],
  ],
  ["refusals that cost something", { refusal_nanos: 1 }, ["billing.free"]],
  ["model lists that cost something", { free_nanos: 1 }, ["billing.free"]],
]

describe("the billing cases", () => {
  test("all pass where the books are honest", async () => {
    const results = await runBilling({})
    expect(results.filter(one => one.result !== "pass")).toEqual([])
  })

  test.each(DISHONEST)("see %s", async (_, dishonesty, seen_by) => {
    const results = await runBilling(dishonesty)
    const failed = results.filter(one => one.result === "FAIL")
    expect(failed.map(one => one.id)).toEqual(expect.arrayContaining(seen_by))
    expect(failed.filter(one => /no whole answer|itself broke/.test(one.finding))).toEqual([])
  })

  test("know that a loss is no charge", async () => {
    const results = await runBilling(
      charged(one => {
        one.taken_nanos -= 5
        one.loss_nanos = 5
      }),
    )
    expect(results.filter(one => one.result === "FAIL")).toEqual([])
  })
})
