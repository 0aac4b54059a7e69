/** Asking the gateway in a test: requests as clients send them, answers in the ways a test looks at them. */
import { expect } from "bun:test"
import type { TestApp, TestCustomer } from "./app.ts"
import { type Books, readBooks } from "./app.ts"
import { parseStream } from "./responses-fixtures.ts"

export interface AskOptions {
  /** Members of the body beside model and input. */
  body?: Record<string, unknown>
  /** The whole body instead, as text. */
  text?: string
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** As the Codex CLI asks: nothing to be stored, so that the body passes to the letter. */
const MODEL_REQUEST = { model: "gpt-5.5", input: "hi", store: false }

/** 60 bytes: 20 tokens of input by estimate. */
export const STREAM_BODY = JSON.stringify({ ...MODEL_REQUEST, stream: true })

/** The hold for `STREAM_BODY`: its input, and 4,096 tokens of output. */
export const FIRST_HOLD_NANOS = 20 * 5_000 + 4_096 * 30_000

/** Asks for a whole answer. */
export const askWhole = (app: TestApp, customer: TestCustomer, options: AskOptions = {}): Promise<Response> =>
  ask(app, customer, { ...options, body: { ...options.body } })

/** Asks for a stream. */
export const askStream = (
  app: TestApp,
  customer: TestCustomer,
  options: AskOptions = {},
): Promise<Response> => ask(app, customer, { ...options, body: { stream: true, ...options.body } })

/** Asks for a stream as the Codex CLI does. */
export const askAsCodex = (
  app: TestApp,
  customer: TestCustomer,
  options: AskOptions = {},
): Promise<Response> =>
  askStream(app, customer, { ...options, headers: { originator: "codex_exec", ...options.headers } })

function ask(app: TestApp, { key }: TestCustomer, options: AskOptions): Promise<Response> {
  const { body, text, headers = {}, signal } = options
  return app.send("/v1/responses", {
    key,
    headers,
    body: text ?? { ...MODEL_REQUEST, ...body },
    ...(signal && { signal }),
  })
}

/** Reads an answer's body a piece at a time. */
export function readPieces(answer: Response) {
  const reader = answer.body!.getReader()
  return {
    /** The next piece as text; undefined at the end. */
    async next(): Promise<string | undefined> {
      const { value, done } = await reader.read()
      return done ? undefined : new TextDecoder().decode(value)
    },
    /** Everything that is left, as text. */
    async rest(): Promise<string> {
      let text = ""
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        text += new TextDecoder().decode(piece.value)
      }
      return text
    },
    cancel: () => reader.cancel(),
  }
}

/** The types of a stream's events, in order. */
export const typesOf = (stream: string): unknown[] => parseStream(stream).map(event => event.type)

/** The books with exactly one receipt. */
export async function readReceipt(
  app: TestApp,
  customer: TestCustomer,
): Promise<Books & { receipt: Books["receipts"][0] }> {
  const books = await readBooks(app, customer)
  expect(books.receipts).toHaveLength(1)
  expect(books.held_nanos).toBe(0)
  return { ...books, receipt: books.receipts[0]! }
}

/** The attempts of a receipt: which upstream, and what came of it. */
export const attemptsOf = (receipt: { attempts: string }): string[] =>
  JSON.parse(receipt.attempts).map(
    (one: { upstream_id: string; result: string }) => `${one.upstream_id}: ${one.result}`,
  )
