/** What is charged, as the customer sees it: balance, receipts, headers, and the counters that were shown. */
import { parseUsd } from "../../wallet/ledger/nanos.ts"
import { type Balance, listReceipts, type Receipt, readSettledBalance } from "../books.ts"
import { type Case, DOORS, type Door } from "../case.ts"
import { foldChatChunks } from "../chat-laws.ts"
import { expectEqual, expectThat, notApplicable } from "../finding.ts"
import { foldMessageEvents } from "../messages-laws.ts"
import { type Answer, type Probe, valueAt } from "../probe.ts"
import { PROMPT, textRequest } from "../requests.ts"
import { readChunkStream, readNamedStream, readResponsesStream } from "../streams.ts"
import { type Counters, readChatUsage, readMessagesUsage, readResponsesUsage } from "../usages.ts"
import {
  readOk,
  readWholeChat,
  readWholeCompletion,
  readWholeMessage,
  readWholeResponse,
} from "../whole-answers.ts"

const group = "billing"

interface Span {
  before: Balance
  after: Balance
  /** Made meanwhile, newest first. */
  receipts: Receipt[]
}

/** The books before and after some work, once nothing is held. */
async function observe(probe: Probe, work: () => Promise<void>): Promise<Span> {
  const before = await readSettledBalance(probe)
  // Ids of one millisecond have no order: what is new is what was not there.
  const known = new Set((await listReceipts(probe)).map(receipt => receipt.request_id))
  await work()
  const after = await readSettledBalance(probe)
  const receipts = await listReceipts(probe)
  return { before, after, receipts: receipts.filter(receipt => !known.has(receipt.request_id)) }
}

/** The same text, whole or streamed, in bodies of the same length: `true` with a space is as long as `false`. */
async function askSame(probe: Probe, door: Door, is_streamed: boolean): Promise<Answer> {
  const shows_usage = door === "/v1/chat/completions" || door === "/v1/completions"
  const extra = {
    stream: false,
    ...(shows_usage && is_streamed && { stream_options: { include_usage: true } }),
  }
  const text = JSON.stringify(textRequest(door, probe.target, extra))
  return probe.ask(door, { body: is_streamed ? text.replace('"stream":false', '"stream": true') : text })
}

/** The usage that the client was shown. */
function usageShown(door: Door, answer: Answer, is_streamed: boolean): Counters {
  switch (door) {
    case "/v1/responses": {
      if (!is_streamed) return readWholeResponse(readOk(answer)).usage
      return readResponsesUsage(valueAt(readResponsesStream(answer).at(-1), "response.usage"))
    }
    case "/v1/chat/completions":
      if (!is_streamed) return readWholeChat(readOk(answer)).usage
      return readChatUsage(foldChatChunks(readChunkStream(answer), true).usage)
    case "/v1/completions":
      if (!is_streamed) return readWholeCompletion(readOk(answer)).usage
      return readChatUsage(readChunkStream(answer).at(-1)?.usage)
    case "/v1/messages":
      if (!is_streamed) return readWholeMessage(readOk(answer)).usage
      return readMessagesUsage(foldMessageEvents(readNamedStream(answer)).usage)
  }
}

/** OpenAI's input includes what was written to a cache; Anthropic's does not (money.md). */
function comparable(door: Door, usage: Counters): unknown {
  if (door === "/v1/messages") return usage
  const { input_tokens, cache_write_tokens, ...others } = usage
  return { input_tokens: input_tokens + cache_write_tokens, ...others }
}

/** One request: its balance, its one receipt, its headers and the usage shown must say the same. */
async function checkOne(probe: Probe, door: Door, is_streamed: boolean): Promise<Receipt> {
  let answer: Answer | undefined
  const { before, after, receipts } = await observe(probe, async () => {
    answer = await askSame(probe, door, is_streamed)
  })
  expectThat(answer?.status === 200, `${door} to answer 200`, answer?.text)
  expectEqual("receipts of one request", receipts.length, 1)
  const [receipt] = receipts as [Receipt]
  expectEqual("x-codexapi-request-id", answer.headers.get("x-codexapi-request-id"), receipt.request_id)
  if (!is_streamed) {
    const shown_cost = parseUsd(answer.headers.get("x-codexapi-cost-usd") ?? "")
    expectEqual("x-codexapi-cost-usd in nano-USD", shown_cost, receipt.cost_nanos)
  }
  expectEqual("what left the balance", before.total_nanos - after.total_nanos, receipt.charged_nanos)
  expectEqual("charged + lost", receipt.charged_nanos + receipt.loss_nanos, receipt.cost_nanos)
  const shown = comparable(door, usageShown(door, answer, is_streamed))
  if (receipt.is_reported) expectEqual("usage shown", shown, comparable(door, receipt.usage))
  return receipt
}

const door_cases: Case[] = DOORS.flatMap(door => [
  {
    id: `billing.whole ${door}`,
    group,
    door,
    title: `one whole answer of ${door} is one receipt: balance, header and usage shown agree with it`,
    model_calls: 1,
    async run(probe) {
      await checkOne(probe, door, false)
    },
  },
  {
    id: `billing.stream ${door}`,
    group,
    door,
    title: `one stream of ${door} is one receipt, and the same counters cost the same as whole`,
    model_calls: 2,
    async run(probe) {
      const [whole, streamed] = [await checkOne(probe, door, false), await checkOne(probe, door, true)]
      if (!Bun.deepEquals(whole.usage, streamed.usage)) {
        notApplicable("each agrees with its receipt, but the two answers differ in size")
      }
      expectEqual("cost of the stream", streamed.cost_nanos, whole.cost_nanos)
    },
  },
])

const refused = (door: Door, extra: Record<string, unknown>) => (probe: Probe) =>
  probe.ask(door, { body: textRequest(door, probe.target, extra) })

/** Refused, or free. */
const FREE: readonly ((probe: Probe) => Promise<Answer>)[] = [
  ...DOORS.map(door => refused(door, { model: "no-such-model" })),
  ...DOORS.map(door => refused(door, { stream: "yes" })),
  ({ ask, target }) => ask("/v1/responses/input_tokens", { body: { model: target.model, input: "hi" } }),
  ({ ask, target }) => {
    const messages = [{ role: "user", content: "hi" }]
    return ask("/v1/messages/count_tokens", { body: { model: target.model, messages } })
  },
  ({ ask }) => ask("/v1/models"),
]

const book_cases: Case[] = [
  {
    id: "billing.free",
    group,
    title: "refused requests, token counts and model lists cost nothing and leave no charge",
    async run(probe) {
      const { before, after, receipts } = await observe(probe, async () => {
        for (const ask of FREE) await ask(probe)
      })
      expectEqual("the balance", after.total_nanos, before.total_nanos)
      const charged = receipts.filter(receipt => receipt.cost_nanos > 0)
      expectEqual("receipts with a charge", charged, [])
    },
  },
  {
    id: "billing.sum",
    group,
    door: "/v1/responses",
    title: "of eight requests at once the balance loses exactly the sum of their receipts, one each",
    model_calls: 8,
    async run(probe) {
      const asked = Array.from({ length: 8 }, (_, index) => index % 2 === 0)
      let answers: Answer[] = []
      const { before, after, receipts } = await observe(probe, async () => {
        answers = await Promise.all(asked.map(is_streamed => askSame(probe, "/v1/responses", is_streamed)))
      })
      const shown = answers.map(({ headers }) => headers.get("x-codexapi-request-id")).sort()
      expectEqual("ids of the receipts", receipts.map(receipt => receipt.request_id).sort(), shown)
      const sum = receipts.reduce((total, receipt) => total + receipt.charged_nanos, 0)
      expectEqual("what left the balance", before.total_nanos - after.total_nanos, sum)
    },
  },
  {
    id: "billing.linear",
    group,
    door: "/v1/responses",
    model_calls: 3,
    title: "one rate per token of input and one per token of output explain the price of every receipt",
    async run(probe) {
      const { receipts } = await observe(probe, () => askDifferent(probe))
      const [first] = receipts.filter(isPlain)
      if (first === undefined) notApplicable("every answer read from a cache")
      const same = receipts.filter(one => isPlain(one) && isAlike(one, first))
      const basis = findBasis(same)
      if (basis === undefined) notApplicable("the receipts are too alike to tell two rates apart")
      for (const receipt of same) checkLinear(basis, receipt)
    },
  },
]

/** Three answers that differ in the ratio of input to output. */
async function askDifferent({ ask, target }: Probe): Promise<void> {
  const different = [{ input: PROMPT.repeat(40) }, { max_output_tokens: 16 }, {}]
  for (const extra of different) {
    const answer = await ask("/v1/responses", { body: textRequest("/v1/responses", target, extra) })
    expectThat(answer.status === 200, "/v1/responses to answer 200", answer.text)
  }
}

const isPlain = ({ usage, web_search_count, cost_nanos }: Receipt): boolean =>
  usage.cache_read_tokens + usage.cache_write_tokens + web_search_count === 0 && cost_nanos > 0

const isAlike = (one: Receipt, other: Receipt): boolean =>
  one.rate_card === other.rate_card && one.tier === other.tier

const crossOf = ({ usage: a }: Receipt, { usage: b }: Receipt): bigint =>
  BigInt(a.input_tokens) * BigInt(b.output_tokens) - BigInt(b.input_tokens) * BigInt(a.output_tokens)

function findBasis(receipts: Receipt[]): [Receipt, Receipt] | undefined {
  const [first] = receipts
  const second = receipts.find(receipt => first !== undefined && crossOf(first, receipt) !== 0n)
  return first && second && [first, second]
}

const sizeOf = (amount: bigint): bigint => (amount < 0n ? -amount : amount)

/**
 * Three receipts lie in one plane: cost × cross is the sum of the other two costs with their crosses. Each cost was
 * rounded up once, by less than a nano, so the two sides may differ by less than the sum of the three crosses.
 */
function checkLinear([first, second]: [Receipt, Receipt], receipt: Receipt): void {
  const [whole, of_first, of_second] = [
    crossOf(first, second),
    crossOf(receipt, second),
    crossOf(first, receipt),
  ]
  const expected = BigInt(first.cost_nanos) * of_first + BigInt(second.cost_nanos) * of_second
  const difference = sizeOf(BigInt(receipt.cost_nanos) * whole - expected)
  const is_explained = difference <= sizeOf(whole) + sizeOf(of_first) + sizeOf(of_second)
  expectThat(is_explained, "the price of the same rates as the other receipts", receipt)
}

export const BILLING_CASES: readonly Case[] = [...door_cases, ...book_cases]
