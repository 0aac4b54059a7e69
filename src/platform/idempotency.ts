/** `Idempotency-Key` (product.md): a POST that moves money is worked on once, and its repeats are given its answer. */
import type { Clock } from "./clock.ts"
import { AppError, type ErrorDetail, type Reason } from "./errors.ts"
import { statusOf } from "./problem.ts"
import type { Query, Store, TxQuery } from "./store.ts"

export interface IdempotencyNeeds {
  store: Store
  clock: Clock
  boot_id: string
}

/** Who asks what: the body as it was parsed and validated. */
export interface KeyedRequest {
  customer_id: string
  request: Request
  body: unknown
}

/**
 * Writes the answer in the transaction that does the work, so that even a crash right after its commit does not let
 * a repeat do it again. Without it the answer is written a moment later, in a transaction of its own.
 */
export type Remember<T> = (q: TxQuery, answer: T) => Promise<void>

/** How long an answer is given again. */
const KEPT_MS = 86_400_000
/** The work of a request takes seconds at most; a repeat is worthwhile after this long. */
const RUNNING_RETRY_MS = 1_000
/** Visible ASCII. */
const KEY_SHAPE = /^[\x21-\x7e]{1,255}$/

/**
 * With an `Idempotency-Key` header the first answer, a success or a refusal below 500, is remembered for 24 hours and
 * given again; without one the work just runs. `work` answers with what JSON can carry. What failed on our side, or
 * was refused only for now (429), is forgotten, so that a repeat works.
 * Throws `invalid` for a key that is none, `unprocessable` with `idempotency_mismatch` when the key was used for
 * another body or endpoint, `conflict` with `idempotency_running` while the first request runs.
 */
export async function answerOnce<T>(
  needs: IdempotencyNeeds,
  request: KeyedRequest,
  work: (remember: Remember<T>) => Promise<T>,
): Promise<T> {
  const key = readKey(request.request.headers)
  if (key === undefined) return work(async () => {})
  const claim = toClaim(needs, request, key)
  const past = await needs.store.tx(q => claimKey(q, claim))
  if (past) return giveAgain<T>(past)
  const answer = await work((q, value) => keepAnswer(q, claim, { value })).catch(async error => {
    await needs.store.tx(q =>
      isLasting(error) ? keepAnswer(q, claim, { refusal: error }) : dropKey(q, claim),
    )
    throw error
  })
  // When this fails the key stays taken: the work is done, and a repeat must not do it again.
  await needs.store.tx(q => keepAnswer(q, claim, { value: answer }))
  return answer
}

/** Deletes the answers that are older than 24 hours, and gives their number. */
export const forgetAnswers = (needs: IdempotencyNeeds): Promise<number> =>
  needs.store.tx(q =>
    q.run("DELETE FROM remembered_answer WHERE created_at <= ?", needs.clock.now() - KEPT_MS),
  )

function readKey(headers: Headers): string | undefined {
  const key = headers.get("idempotency-key")
  if (key === null || KEY_SHAPE.test(key)) return key ?? undefined
  throw new AppError(
    "invalid",
    "Idempotency-Key must be 1 to 255 visible ASCII characters without blanks, e.g. a UUID.",
    { code: "invalid_idempotency_key", field: "idempotency-key" },
  )
}

/** A row of `remembered_answer` as this request would write it. */
interface Claim {
  customer_id: string
  key: string
  endpoint: string
  body_hash: string
  boot_id: string
  now: number
}

function toClaim(needs: IdempotencyNeeds, { customer_id, request, body }: KeyedRequest, key: string): Claim {
  return {
    customer_id,
    key,
    endpoint: `${request.method} ${new URL(request.url).pathname}`,
    body_hash: new Bun.CryptoHasher("sha256").update(JSON.stringify(body) ?? "").digest("hex"),
    boot_id: needs.boot_id,
    now: needs.clock.now(),
  }
}

/** Takes the key when it is free, too old, or held for the same request by a server that died. */
const CLAIM = `INSERT INTO remembered_answer
  (customer_id, key, endpoint, body_hash, boot_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT (customer_id, key) DO UPDATE SET endpoint = excluded.endpoint, body_hash = excluded.body_hash,
    boot_id = excluded.boot_id, status = NULL, body = NULL, created_at = excluded.created_at
  WHERE created_at <= ?7 OR (status IS NULL AND boot_id <> excluded.boot_id
    AND endpoint = excluded.endpoint AND body_hash = excluded.body_hash)`
const FIND = `SELECT endpoint, body_hash, status, body FROM remembered_answer
  WHERE customer_id = ? AND key = ?`
const HELD = "customer_id = ?1 AND key = ?2 AND boot_id = ?3 AND status IS NULL"
/** What was remembered already stays as it is. */
const KEEP = `UPDATE remembered_answer SET status = ?4, body = ?5 WHERE ${HELD}`
const DROP = `DELETE FROM remembered_answer WHERE ${HELD}`

/** What was answered before; nothing when the work is this request's to do. */
async function claimKey(q: TxQuery, claim: Claim): Promise<Outcome | undefined> {
  const { customer_id, key, endpoint, body_hash, boot_id, now } = claim
  const claimed = await q.run(CLAIM, customer_id, key, endpoint, body_hash, boot_id, now, now - KEPT_MS)
  return claimed === 1 ? undefined : readPast(q, claim)
}

interface StoredAnswer {
  endpoint: string
  body_hash: string
  status: number | null
  body: string | null
}

async function readPast(q: Query, claim: Claim): Promise<Outcome> {
  const stored = (await q.get<StoredAnswer>(FIND, claim.customer_id, claim.key))!
  if (stored.endpoint !== claim.endpoint || stored.body_hash !== claim.body_hash) {
    throw new AppError(
      "unprocessable",
      "This Idempotency-Key was used for another request: send the same body again, or use a new key.",
      { code: "idempotency_mismatch", field: "idempotency-key" },
    )
  }
  if (stored.body !== null) return JSON.parse(stored.body)
  throw new AppError(
    "conflict",
    "The first request with this Idempotency-Key is still running: ask again in a moment.",
    { code: "idempotency_running", field: "idempotency-key", retry_after_ms: RUNNING_RETRY_MS },
  )
}

/** How a request ended, as it is stored: what it gave, or why it was refused. */
type Outcome = { value?: unknown } | { refusal: { reason: Reason; message: string; detail: ErrorDetail } }

function giveAgain<T>(past: Outcome): T {
  if (!("refusal" in past)) return past.value as T
  const { reason, message, detail } = past.refusal
  throw new AppError(reason, message, detail)
}

async function keepAnswer(
  q: TxQuery,
  claim: Claim,
  end: { value: unknown } | { refusal: AppError },
): Promise<void> {
  const { customer_id, key, boot_id } = claim
  const [status, outcome] = "refusal" in end ? refusalOf(end.refusal) : ([200, end] as const)
  await q.run(KEEP, customer_id, key, boot_id, status, JSON.stringify(outcome))
}

const refusalOf = ({ reason, message, detail }: AppError): readonly [number, Outcome] => [
  statusOf(reason),
  { refusal: { reason, message, detail } },
]

const dropKey = async (q: TxQuery, { customer_id, key, boot_id }: Claim): Promise<void> =>
  void (await q.run(DROP, customer_id, key, boot_id))

/** A refusal that a repeat would get again: not our own failures, and not what only has to wait. */
const isLasting = (error: unknown): error is AppError =>
  error instanceof AppError && statusOf(error.reason) < 500 && error.reason !== "rate_limited"
