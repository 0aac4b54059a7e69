/** The raw tables as the oracle reads them, and laws 1 to 4 and 6 checked on them, without src/wallet. */
import { assertOrders, type OrderRows, readOrders } from "./books-orders.ts"
import type { Disk } from "./disk.ts"
import { judgeRow } from "./judge-end.ts"
import { assertThat, type Customer, heldBy, isOpen, type Kind, type Oracle, type Request } from "./oracle.ts"
import type { World } from "./world.ts"

export interface TransferRow {
  id: string
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
  orders: OrderRows
}

const TRANSFERS = "SELECT id, ledger, from_account, to_account, amount_nanos FROM ledger_transfer"

/** Reads everything. Throws Violation when an id stands twice. */
export function readBooks(disk: Disk): Books {
  const accounts = disk.all("SELECT * FROM ledger_account") as AccountRow[]
  const transfers = disk.all(TRANSFERS) as TransferRow[]
  const requests = disk.all("SELECT * FROM metered_request") as RequestRow[]
  return { accounts, transfers: byId(transfers), requests: byId(requests), orders: readOrders(disk) }
}

function byId<Row extends { id: string }>(rows: Row[]): Map<string, Row> {
  const map = new Map<string, Row>()
  for (const row of rows) {
    assertThat(!map.has(row.id), () => `two rows have the id ${row.id}`)
    map.set(row.id, row)
  }
  return map
}

const BALANCES = "SELECT customer_id, kind, balance_nanos FROM ledger_account"

/** Law 3 at any moment, inside a group too; and between two jobs what every customer has, to the nano. */
export function assertBalances(world: World): void {
  const is_between_jobs = world.running_count === 0
  // Nothing has moved since.
  if (is_between_jobs && world.job_count === world.checked_count) return
  if (is_between_jobs) world.checked_count = world.job_count
  for (const [owner, kind, nanos] of world.disk.values(BALANCES) as [string, Kind, number][]) {
    assertThat(nanos >= 0, () => `law 3: ${owner}/${kind} stands at ${nanos}`)
    if (!is_between_jobs) continue
    const expected = world.oracle.customers.find(one => one.id === owner)!.balances[kind]
    assertThat(BigInt(nanos) === expected, () => `${owner}/${kind} should stand at ${expected}, has ${nanos}`)
  }
}

/** Laws 1 to 3, from the rows alone. */
export function assertBalanced({ accounts, transfers }: Books): void {
  const moved = new Map<string, bigint>()
  const sums = new Map<string, bigint>()
  const add = (to: Map<string, bigint>, key: string, amount: bigint) =>
    to.set(key, (to.get(key) ?? 0n) + amount)
  for (const { ledger, from_account, to_account, amount_nanos } of transfers.values()) {
    const amount = BigInt(amount_nanos)
    add(moved, from_account, -amount)
    add(moved, to_account, amount)
    if (from_account.startsWith("system/")) add(sums, ledger, -amount)
    if (to_account.startsWith("system/")) add(sums, ledger, amount)
  }
  for (const { id, ledger, balance_nanos, floor_nanos } of accounts) {
    const recomputed = moved.get(id) ?? 0n
    moved.delete(id)
    assertThat(
      BigInt(balance_nanos) === recomputed,
      () => `law 2: ${id} has ${balance_nanos}, moved ${recomputed}`,
    )
    assertThat(balance_nanos >= 0 && floor_nanos === 0, () => `law 3: ${id} stands at ${balance_nanos}`)
    add(sums, ledger, recomputed)
  }
  for (const id of moved.keys())
    assertThat(id.startsWith("system/"), () => `law 2: transfers name ${id}, which is no account`)
  for (const [ledger, sum] of sums)
    assertThat(sum === 0n, () => `law 1: the ${ledger} ledger adds up to ${sum}`)
}

/** Laws 4 and 6: the books hold what was acknowledged, and nothing else. Nothing may be under way. */
export function assertAcknowledged(books: Books, oracle: Oracle): void {
  assertThat(oracle.journal.is_empty, () => "something is neither committed nor undone")
  for (const customer of oracle.customers) assertCustomer(books, customer)
  for (const request of oracle.requests) assertRequest(books, request)
  for (const known of oracle.transfers.values()) {
    const row = books.transfers.get(known.id)
    const isThere =
      row !== undefined &&
      row.from_account === known.from &&
      row.to_account === known.to &&
      BigInt(row.amount_nanos) === known.amount
    assertThat(isThere, () => `law 6: ${show(known)} was acknowledged; the books have ${show(row)}`)
  }
  for (const row of books.transfers.values())
    assertThat(oracle.transfers.has(row.id), () => `${show(row)} is in the books; nobody was told`)
  assertOrders(books.orders, oracle)
}

function assertCustomer(books: Books, { id, balances, is_frozen }: Customer): void {
  for (const [kind, expected] of Object.entries(balances)) {
    const row = books.accounts.find(one => one.id === `${id}/${kind}`)
    assertThat(
      row !== undefined && BigInt(row.balance_nanos) === expected,
      () => `${id} should have ${expected} in ${kind}, has ${row?.balance_nanos}`,
    )
    const is_row_frozen = row!.is_frozen === 1
    assertThat(
      is_row_frozen === (is_frozen && kind === "token"),
      () => `${row!.id} is_frozen is ${is_row_frozen}`,
    )
  }
}

function assertRequest(books: Books, request: Request): void {
  const { request_id } = request.admission
  const row = books.requests.get(request_id)
  if (request.phase !== "open") {
    assertThat(row === undefined, () => `${request_id} was never opened, but it has a row`)
    return
  }
  assertThat(row !== undefined, () => `law 6: ${request_id} was acknowledged as open and is gone`)
  if (!isOpen(request)) {
    judgeRow(row!, request, request.end!)
    return
  }
  const held = heldBy(request)
  const isRight =
    row!.state === "open" && BigInt(row!.held_nanos) === held && row!.hold_count === request.holds.size
  assertThat(isRight, () => `${request_id} should be open with ${held} held, is ${show(row)}`)
  assertThat(
    row!.checkpoint_output_tokens === request.checkpoint,
    () => `${request_id} has checkpoint ${row!.checkpoint_output_tokens}, should be ${request.checkpoint}`,
  )
  assertThat(request.announced_count === 0, () => `the end of ${request_id} was announced, but it is open`)
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)) ?? "nothing"
