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

type Statement = ReturnType<Database["query"]>
type Values = Parameters<Statement["run"]>

/** A database on which many runs happen one after the other: opening it and preparing statements costs more than a run. */
export interface Machine {
  database: Database
  statements: Map<string, Statement>
}

/** A machine with `database` in it, as each run finds it. */
export function createMachine(database: Database): Machine {
  // Within a run it would be too late: there is always a transaction open.
  database.exec("PRAGMA foreign_keys = ON")
  return { database, statements: new Map() }
}

/** One transaction of the store, with the jobs that share it. */
export interface Group {
  is_committed: boolean
}

/** Told at once what becomes of a group. */
export interface DiskWatch {
  kept(): void
  undone(): void
}

export interface Disk {
  /** What is on the disk, for the oracle, as objects or lists of values; between groups what a new process would find. */
  all(sql: string): unknown[]
  values(sql: string): unknown[][]
  /** No process is running: the last one died. */
  readonly is_down: boolean
  /** Faults that happened so far, crashes not counted. */
  readonly fault_count: number
  /** The last group that began. */
  readonly group: Group
  /** A new process's connection. What an earlier process still does has no effect from here on. */
  connect(): Database
  /** Lets `kind` happen at the first statement that it can hit after so many more. */
  arm(kind: FaultKind, statement_count: number): void
  disarm(): void
  /** Kills the process: what is not committed is gone. */
  crash(): void
  /** Ends the run: the machine is as it was before. */
  wipe(): void
}

/**
 * The disk of one run. All of it happens in a transaction that is never committed; what the store calls a transaction is
 * a savepoint in it, and a commit its release.
 */
export function createDisk({ database, statements }: Machine, watch: DiskWatch): Disk {
  let process_number = 0
  let is_down = true
  let is_open = false
  let fault_count = 0
  let group: Group = { is_committed: false }
  let armed: { kind: FaultKind; left: number } | undefined

  function prepare(sql: string): Statement {
    const statement = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  const execute = (word: string) => void prepare(word).run()

  function begin(): void {
    execute("SAVEPOINT disk")
    is_open = true
    group = { is_committed: false }
  }

  function commit(): void {
    execute("RELEASE disk")
    is_open = false
    group.is_committed = true
    watch.kept()
  }

  function rollBack(): void {
    if (!is_open) return
    execute("ROLLBACK TO disk")
    execute("RELEASE disk")
    is_open = false
    watch.undone()
  }

  function crash(): void {
    rollBack()
    is_down = true
    armed = undefined
  }

  function fail(kind: FaultKind): never {
    fault_count += 1
    // SQLite undoes everything on its own when the disk is full.
    if (kind === "disk-full") rollBack()
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

  execute("BEGIN")
  return {
    all: sql => prepare(sql).all(),
    values: sql => prepare(sql).values(),
    get is_down() {
      return is_down
    },
    get fault_count() {
      return fault_count
    },
    get group() {
      return group
    },
    connect() {
      process_number += 1
      is_down = false
      const number = process_number
      const is_alive = () => number === process_number && !is_down
      return connectionFor(database, {
        prepare,
        is_alive,
        is_open: () => is_open,
        words: new Map([
          ["BEGIN IMMEDIATE", begin],
          ["COMMIT", commit],
          ["ROLLBACK", rollBack],
        ]),
        carryOut,
      })
    },
    arm(kind, left) {
      armed = { kind, left }
    },
    disarm() {
      armed = undefined
    },
    crash,
    wipe() {
      crash()
      execute("ROLLBACK")
    },
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
      return /^(SELECT|WITH|INSERT|UPDATE|DELETE)/.test(sql)
    case "disk-full":
      return /^(INSERT|UPDATE|DELETE)/.test(sql)
  }
}

interface Link {
  /** The processes after each other share their statements: preparing one costs more than running it. */
  prepare(sql: string): Statement
  is_alive(): boolean
  is_open(): boolean
  /** What the words of a transaction do. */
  words: ReadonlyMap<string, () => void>
  carryOut<T>(sql: string, statement: () => T): T
}

/** Those parts of a `Database` that the store uses. */
function connectionFor(database: Database, { prepare, is_alive, is_open, words, carryOut }: Link): Database {
  function act<T>(sql: string, statement: () => T): T {
    if (!is_alive()) throw new ProcessDied()
    return carryOut(sql, statement)
  }
  const follow = (sql: string, statement: Statement) => ({
    run: (...values: Values) => act(sql, () => statement.run(...values)),
    get: (...values: Values) => act(sql, () => statement.get(...values)),
    all: (...values: Values) => act(sql, () => statement.all(...values)),
  })
  const control = (sql: string, word: () => void) => ({ run: () => act(sql, word) })
  const connection = {
    filename: database.filename,
    get inTransaction() {
      return is_alive() && is_open()
    },
    exec: (sql: string) => act(sql, () => database.exec(sql)),
    prepare(sql: string) {
      const word = words.get(sql)
      return word ? control(sql, word) : follow(sql, prepare(sql))
    },
    close() {},
  }
  return connection as unknown as Database
}
