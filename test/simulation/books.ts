/** The raw tables as the oracle reads them, and laws 1 to 4 and 6 checked on them, without src/wallet. */
import type { Database } from "bun:sqlite"
import { judgeEnd } from "./judge-end.ts"
import {
  assertThat,
  type Customer,
  freeOf,
  heldBy,
  type KnownTransfer,
  type Oracle,
  type Request,
} from "./oracle.ts"

export interface TransferRow {
  id: string
  group_id: string
  kind: string
  ledger: string
  from_account: string
  to_account: string
  amount_nanos: number
}

export interface RequestRow {
  id: string
  state: string
  held_nanos: number
  hold_count: number
  checkpoint_output_tokens: number
  [column: string]: string | number | null
}

export interface AccountRow {
  id: string
  ledger: string
  balance_nanos: number
  floor_nanos: number
  is_frozen: number
}

export interface Books {
  accounts: AccountRow[]
  transfers: Map<string, TransferRow>
  requests: Map<string, RequestRow>
}

/** Reads everything. Throws Violation when an id stands twice. */
export function readBooks(database: Database): Books {
  const accounts = database.query("SELECT * FROM ledger_account").all() as AccountRow[]
  const transfers = database.query("SELECT * FROM ledger_transfer").all() as TransferRow[]
  const requests = database.query("SELECT * FROM metered_request").all() as RequestRow[]
  return { accounts, transfers: byId(transfers), requests: byId(requests) }
}

function byId<Row extends { id: string }>(rows: Row[]): Map<string, Row> {
  const map = new Map<string, Row>()
  for (const row of rows) {
    assertThat(!map.has(row.id), () => `two rows have the id ${row.id}`)
    map.set(row.id, row)
  }
  return map
}

/** Law 3 at any moment, inside a group too. */
export function assertNothingNegative(database: Database): void {
  const found = database
    .query("SELECT id, balance_nanos FROM ledger_account WHERE balance_nanos < 0 LIMIT 1")
    .get()
  assertThat(found === null, () => `negative: ${JSON.stringify(found)}`)
}

/** Laws 1 to 3, from the rows alone. */
export function assertBalanced({ accounts, transfers }: Books): void {
  const moved = new Map<string, bigint>()
  const move = (account: string, amount: bigint) => moved.set(account, (moved.get(account) ?? 0n) + amount)
  for (const { from_account, to_account, amount_nanos } of transfers.values()) {
    move(from_account, -BigInt(amount_nanos))
    move(to_account, BigInt(amount_nanos))
  }
  const sums = new Map<string, bigint>()
  for (const { id, ledger, balance_nanos, floor_nanos } of accounts) {
    const recomputed = moved.get(id) ?? 0n
    moved.delete(id)
    assertThat(
      BigInt(balance_nanos) === recomputed,
      () => `law 2: ${id} has ${balance_nanos}, moved ${recomputed}`,
    )
    assertThat(balance_nanos >= 0 && floor_nanos === 0, () => `law 3: ${id} stands at ${balance_nanos}`)
    sums.set(ledger, (sums.get(ledger) ?? 0n) + recomputed)
  }
  for (const [id, amount] of moved) {
    assertThat(id.startsWith("system/"), () => `law 2: transfers name ${id}, which is no account`)
    // Only the token ledger is used by metered requests.
    sums.set("token", (sums.get("token") ?? 0n) + amount)
  }
  for (const [ledger, sum] of sums)
    assertThat(sum === 0n, () => `law 1: the ${ledger} ledger adds up to ${sum}`)
}

/** Laws 4 and 6: the books hold what was acknowledged, and nothing else. Nothing may be under way. */
export function assertAcknowledged(books: Books, oracle: Oracle): void {
  const expected = new Map<string, KnownTransfer>()
  for (const customer of oracle.customers) {
    for (const [id, known] of customer.adjustments) expected.set(id, known)
    assertBalances(books, customer, oracle.requests)
  }
  for (const request of oracle.requests) {
    assertRequest(books, request)
    for (const known of transfersOf(request)) expected.set(known.id, known)
  }
  for (const known of expected.values()) {
    const row = books.transfers.get(known.id)
    const isThere =
      row !== undefined &&
      row.from_account === known.from &&
      row.to_account === known.to &&
      BigInt(row.amount_nanos) === known.amount
    assertThat(isThere, () => `law 6: ${show(known)} was acknowledged; the books have ${show(row)}`)
  }
  for (const row of books.transfers.values()) {
    assertThat(expected.has(row.id), () => `${show(row)} is in the books; nobody was told`)
  }
}

function assertBalances(books: Books, customer: Customer, requests: readonly Request[]): void {
  const open = requests.filter(request => request.customer === customer && !request.end)
  const held = open.reduce((sum, request) => sum + heldBy(request), 0n)
  const account = (kind: string) => books.accounts.find(row => row.id === `${customer.id}/${kind}`)
  const free = freeOf(customer, requests)
  const stored = [account("token")?.balance_nanos, account("token_held")?.balance_nanos].map(String)
  assertThat(
    stored[0] === String(free) && stored[1] === String(held),
    () => `${customer.id} should have ${free} free and ${held} held, has ${stored.join(" and ")}`,
  )
  const is_frozen = account("token")?.is_frozen === 1
  assertThat(is_frozen === customer.is_frozen, () => `${customer.id} is_frozen is ${is_frozen}`)
}

function assertRequest(books: Books, request: Request): void {
  const { request_id } = request.admission
  const row = books.requests.get(request_id)
  if (request.phase !== "open") {
    assertThat(row === undefined, () => `${request_id} was never opened, but it has a row`)
    return
  }
  assertThat(row !== undefined, () => `law 6: ${request_id} was acknowledged as open and is gone`)
  if (request.end) {
    judgeEnd(row!, request, request.end)
    return
  }
  const held = heldBy(request)
  const isOpen =
    row!.state === "open" && BigInt(row!.held_nanos) === held && row!.hold_count === request.holds.size
  assertThat(isOpen, () => `${request_id} should be open with ${held} held, is ${show(row)}`)
  assertThat(
    row!.checkpoint_output_tokens === request.checkpoint,
    () => `${request_id} has checkpoint ${row!.checkpoint_output_tokens}, should be ${request.checkpoint}`,
  )
  assertThat(
    !request.is_said_to_have_ended,
    () => `${request_id} is open, but an end was told that it had ended`,
  )
  assertThat(request.announced_count === 0, () => `the end of ${request_id} was announced, but it is open`)
}

/** The transfers a request must have by now, none of amount 0. */
function transfersOf(request: Request): KnownTransfer[] {
  if (request.phase !== "open") return []
  const { request_id, customer_id } = request.admission
  const free = `${customer_id}/token`
  const held = `${customer_id}/token_held`
  const known: KnownTransfer[] = [...request.holds].map(([number, amount]) => ({
    id: `${request_id}:hold:${number}`,
    from: free,
    to: held,
    amount,
  }))
  if (request.end) {
    const { settlement } = request.end
    const cost = BigInt(settlement.cost_nanos)
    const total = heldBy(request)
    const from_held = cost < total ? cost : total
    const loss = BigInt(settlement.loss_nanos)
    known.push(
      { id: `${request_id}:settle`, from: held, to: "system/revenue_usage", amount: from_held },
      { id: `${request_id}:release`, from: held, to: free, amount: total - from_held },
      {
        id: `${request_id}:overrun`,
        from: free,
        to: "system/revenue_usage",
        amount: cost - from_held - loss,
      },
      { id: `${request_id}:loss`, from: "system/loss_overrun", to: "system/revenue_usage", amount: loss },
    )
  }
  return known.filter(one => one.amount > 0n)
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)) ?? "nothing"
