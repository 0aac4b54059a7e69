/** What a race is: many calls at once at one door, and what may have come of them. */
import { openAccounts } from "../../src/wallet/ledger/accounts.ts"
import { setRule } from "../../src/wallet/offers/rules.ts"
import type { SeededRandom } from "../simulation/seeded-random.ts"
import type { RequestOptions, TestCustomer } from "../support/app.ts"
import type { PaymentScene } from "../support/payments.ts"

/** A place where money comes in, goes out or is decided on. */
export interface Door {
  name: string
  /** Variables of the server beside the usual ones. */
  env?: () => Record<string, string>
  /** Prepares the rounds; each throws Crossed when more, or less, has happened than may. */
  open(scene: PaymentScene): Promise<Round>
}

export type Round = (hall: Hall) => Promise<void>

/** What a round is given. */
export interface Hall {
  random: SeededRandom
  /** How many calls at once. */
  width: number
  /** From 0. */
  number: number
}

/** More got through a door than may, or fewer. */
export class Crossed extends Error {
  override readonly name = "Crossed"
}

export function expectSame(what: string, found: unknown, expected: unknown): void {
  if (Bun.deepEquals(found, expected)) return
  throw new Crossed(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Makes all calls within a few turns of the event loop, in an order by chance. */
export function crowd<T>({ random, width }: Hall, call: (number: number) => Promise<T>): Promise<T[]> {
  const start = async (number: number) => {
    for (let turns = random.int(4); turns > 0; turns--) await turn()
    return call(number)
  }
  return Promise.all(Array.from({ length: width }, (_, number) => start(number)))
}

/** The status and code of an answer, such as `200` and `409 already_claimed`. */
export async function ask(scene: PaymentScene, path: string, options: RequestOptions): Promise<string> {
  const answer = await scene.send(path, options)
  const body = (await answer.json()) as { code?: string }
  return answer.ok ? String(answer.status) : `${answer.status} ${body.code}`
}

/** How often each answer came. */
export function countAnswers(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

/** How many transfers of a kind were made to or from a customer, and their sum in cents. */
export async function readMoved(
  { app }: PaymentScene,
  { id }: Pick<TestCustomer, "id">,
  kind: string,
): Promise<{ count: number; cents: number }> {
  const row = await app.store.read.get<{ count: number; nanos: number }>(
    `SELECT count(*) AS count, coalesce(sum(amount_nanos), 0) AS nanos FROM ledger_transfer
     WHERE kind = ?2 AND (from_account LIKE ?1 || '/%' OR to_account LIKE ?1 || '/%')`,
    id,
    kind,
  )
  return { count: row!.count, cents: row!.nanos / 10_000_000 }
}

export const countRows = async ({ app }: PaymentScene, sql: string, ...values: string[]): Promise<number> =>
  (await app.store.read.get<{ count: number }>(`SELECT count(*) AS count FROM ${sql}`, ...values))!.count

/** Customers old enough for every reward. */
export async function addCustomers(scene: PaymentScene, count: number): Promise<TestCustomer[]> {
  const customers: TestCustomer[] = []
  for (let number = 0; number < count; number++)
    customers.push(await scene.createCustomer({ credit_usd: "0" }))
  const { store } = scene.app
  await store.tx(async q => {
    for (const { id } of customers) {
      await q.run("UPDATE customer SET created_at = 0 WHERE id = ?", id)
      await openAccounts(q, id)
    }
  })
  return customers
}

/** Nobody waits for attempts, and nobody has to prove an address: neither is what a race is about. */
export async function liftLimits({ app }: PaymentScene): Promise<void> {
  Object.assign(app, { attempt_limit: { take: () => 0 } })
  await app.store.tx(q => setRule(q, 0, "anti-abuse", { requires_verified_email: "never" }))
}
