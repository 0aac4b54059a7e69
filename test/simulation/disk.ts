/** The machine under the store: a real SQLite database in memory that outlives processes and faults. */
import type { Database } from "bun:sqlite"

/** What goes wrong: the process dies before or after a statement, or the disk does not do its work. */
export type FaultKind = "crash-before" | "crash-after" | "begin" | "commit" | "statement" | "disk-full"

/** Thrown where SQLite would report that the disk did not do its work. */
export class DiskFault extends Error {
  override readonly name = "DiskFault"
}

/** Thrown to code of a process that is dead: a real one would not get here at all. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied"
}

export interface Disk {
  /** What is on the disk, for the oracle; between groups this is what a new process would find. */
  readonly database: Database
  /** No process is running: the last one died. */
  readonly is_down: boolean
  /** Faults that happened so far, crashes not counted. */
  readonly fault_count: number
  /** A new process's connection. What an earlier process still does has no effect from here on. */
  connect(): Database
  /** Lets `kind` happen at the first statement that it can hit after so many more. */
  arm(kind: FaultKind, statement_count: number): void
  disarm(): void
  /** Kills the process: what is not committed is gone. */
  crash(): void
}

type Statement = ReturnType<Database["query"]>
type Values = Parameters<Statement["run"]>

/** A disk with `database` on it. */
export function createDisk(database: Database): Disk {
  let process_number = 0
  let is_down = true
  let fault_count = 0
  const statements = new Map<string, Statement>()
  let armed: { kind: FaultKind; left: number } | undefined

  function prepare(sql: string): Statement {
    const statement = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  function crash(): void {
    if (database.inTransaction) database.exec("ROLLBACK")
    is_down = true
    armed = undefined
  }

  function fail(kind: FaultKind): never {
    fault_count += 1
    // SQLite undoes everything on its own when the disk is full.
    if (kind === "disk-full" && database.inTransaction) database.exec("ROLLBACK")
    throw new DiskFault(`simulated fault: ${kind}`)
  }

  function carryOut<T>(sql: string, statement: () => T): T {
    const kind = findDue(sql)
    if (kind === "crash-before" || kind === "crash-after") {
      if (kind === "crash-after") statement()
      crash()
      throw new ProcessDied()
    }
    return kind ? fail(kind) : statement()
  }

  function findDue(sql: string): FaultKind | undefined {
    if (!armed) return undefined
    armed.left -= 1
    const { kind, left } = armed
    if (left > 0 || !canHitHere(kind, sql)) return undefined
    armed = undefined
    return kind
  }

  return {
    database,
    get is_down() {
      return is_down
    },
    get fault_count() {
      return fault_count
    },
    connect() {
      process_number += 1
      is_down = false
      const number = process_number
      const is_alive = () => number === process_number && !is_down
      return connectionFor(database, { prepare, is_alive, carryOut })
    },
    arm(kind, left) {
      armed = { kind, left }
    },
    disarm() {
      armed = undefined
    },
    crash,
  }
}

/** A crash can come at any statement; undoing never fails on its own; the others have their own statement. */
function canHitHere(kind: FaultKind, sql: string): boolean {
  switch (kind) {
    case "crash-before":
    case "crash-after":
      return true
    case "begin":
      return sql.startsWith("BEGIN")
    case "commit":
      return sql === "COMMIT"
    case "statement":
    case "disk-full":
      return /^(SELECT|INSERT|UPDATE)/.test(sql)
  }
}

interface Link {
  /** The processes after each other share their statements: preparing one costs more than running it. */
  prepare(sql: string): Statement
  is_alive(): boolean
  carryOut<T>(sql: string, statement: () => T): T
}

/** Those parts of a `Database` that the store uses. */
function connectionFor(database: Database, { prepare, is_alive, carryOut }: Link): Database {
  function act<T>(sql: string, statement: () => T): T {
    if (!is_alive()) throw new ProcessDied()
    return carryOut(sql, statement)
  }
  const follow = (sql: string, statement: Statement) => ({
    run: (...values: Values) => act(sql, () => statement.run(...values)),
    get: (...values: Values) => act(sql, () => statement.get(...values)),
    all: (...values: Values) => act(sql, () => statement.all(...values)),
  })
  const connection = {
    filename: database.filename,
    get inTransaction() {
      return is_alive() && database.inTransaction
    },
    run: (sql: string) => act(sql, () => database.run(sql)),
    exec: (sql: string) => act(sql, () => database.exec(sql)),
    prepare: (sql: string) => follow(sql, prepare(sql)),
    close() {},
  }
  return connection as unknown as Database
}
