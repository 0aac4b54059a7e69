/** The database: one writer with group commit, one reader; not the tables, which belong to the domains. */
import { Database, SQLiteError } from "bun:sqlite"
import { drizzle } from "drizzle-orm/bun-sqlite"
import { migrateDatabase } from "../../db/migrate.ts"
import { AppError } from "./errors.ts"

export type SqlValue = string | number | null

/** drizzle's builder for statements that are not hot; awaiting one runs it. */
export type Orm = Pick<ReturnType<typeof drizzle>, "select" | "insert" | "update" | "delete">

/** Statements against one connection. SQL text is prepared once and cached. */
export interface Query {
  orm: Orm
  /** Runs a statement and gives the number of rows it changed. */
  run(sql: string, ...values: SqlValue[]): Promise<number>
  get<Row>(sql: string, ...values: SqlValue[]): Promise<Row | undefined>
  all<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]>
}

/** Statements inside a transaction. */
export interface TxQuery extends Query {
  /** Runs `effect` after the commit, and not at all when the job or the commit fails. */
  afterCommit(effect: () => void): void
  /** Runs `part` in a savepoint of its own: when it throws, only its writes are undone. */
  atomically<T>(part: () => Promise<T>): Promise<T>
}

/** A job whose writes are visible to later jobs; `durable` settles when its group is (or failed to be) committed. */
export interface Applied<T> {
  value: T
  durable: Promise<void>
}

export type Job<T> = (q: TxQuery) => Promise<T>

/** Inside a job await nothing but `q`: every other job waits for it. */
export interface Store {
  read: Query
  /** Runs a job in a transaction of the single writer; resolves when it is durable. A throw undoes the job alone. */
  tx<T>(job: Job<T>): Promise<T>
  /** Like `tx`, but resolves as soon as the job is applied, before the commit. */
  apply<T>(job: Job<T>): Promise<Applied<T>>
  /** Waits for open jobs and closes both connections. */
  close(): Promise<void>
}

export interface StoreOptions {
  /** A file path, or an open and migrated database to use instead; tests give one in memory. */
  path: string | Database
  migrations: "main" | "cache"
  /** `FULL`: what is acknowledged survives power loss. `NORMAL`: the last moments may be lost. */
  synchronous: "FULL" | "NORMAL"
  /** Told of an effect that throws: a bug, which must not keep the store from its next jobs. */
  onEffectError?: (error: unknown) => void
}

/** The first SQLite without the WAL-reset bug. */
const OLDEST_SQLITE = "3.51.3"
const LARGEST_GROUP = 256

/** Opens (and creates, and migrates) a database. Throws `unavailable` when SQLite is too old or the file is unusable. */
export function openStore(options: StoreOptions): Store {
  const { path } = options
  const isFile = typeof path === "string"
  const writer = isFile ? openFile(path, options) : path
  // After the migrations, which may rebuild tables.
  writer.exec("PRAGMA foreign_keys = ON")
  const reader = isFile ? new Database(path, { readonly: true }) : writer
  if (isFile) reader.exec("PRAGMA busy_timeout = 5000")
  const group = createGroupCommit(writer, options.onEffectError ?? reportError)
  return {
    read: createQuery(reader),
    tx: async job => {
      const applied = await group.apply(job)
      await applied.durable
      return applied.value
    },
    apply: group.apply,
    close: async () => {
      await group.idle()
      if (reader !== writer) reader.close()
      if (isFile) writer.exec("PRAGMA wal_checkpoint(TRUNCATE)")
      writer.close()
    },
  }
}

/** What SQLite calls a file that is not, or not wholly, its own. */
const UNUSABLE = /^SQLITE_(NOTADB|CORRUPT|CANTOPEN|READONLY|IOERR|FULL)/

function openFile(path: string, options: StoreOptions): Database {
  try {
    const database = new Database(path, { create: true })
    assertSqliteVersion(database)
    database.exec("PRAGMA busy_timeout = 5000")
    database.exec("PRAGMA journal_mode = WAL")
    database.exec(`PRAGMA synchronous = ${options.synchronous}`)
    migrateDatabase(database, options.migrations)
    return database
  } catch (error) {
    if (!(error instanceof SQLiteError && UNUSABLE.test(error.code ?? ""))) throw error
    throw new AppError(
      "unavailable",
      `${path} cannot be used (${error.message}): check its owner and the free disk space, or restore a backup.`,
    )
  }
}

interface QueuedJob {
  /** Runs inside the group's transaction; never throws. */
  run(): Promise<void>
  commit(): void
  fail(cause: unknown): void
}

/**
 * Collects the jobs of the moment into one transaction: BEGIN IMMEDIATE, a SAVEPOINT per job, one COMMIT.
 * Between the last job and the COMMIT the event loop turns once, so that work that may start when a job is
 * applied (an upstream call) starts before the disk is waited for.
 */
function createGroupCommit(writer: Database, onEffectError: (error: unknown) => void) {
  const query = createQuery(writer)
  const queue: QueuedJob[] = []
  let running: Promise<void> | undefined

  function apply<T>(job: Job<T>): Promise<Applied<T>> {
    return new Promise((resolve, reject) => {
      queue.push(enqueue(job, resolve, reject))
      running ??= turn().then(runGroups)
    })
  }

  function runEffect(effect: () => void): void {
    try {
      effect()
    } catch (error) {
      // What was committed stays, and those who wait for the rest of the group must hear of it.
      onEffectError(error)
    }
  }

  function enqueue<T>(
    job: Job<T>,
    resolve: (a: Applied<T>) => void,
    reject: (e: unknown) => void,
  ): QueuedJob {
    const durable = Promise.withResolvers<void>()
    durable.promise.catch(() => {}) // whoever awaits `durable` gets the failure; nobody has to
    const effects: (() => void)[] = []
    let isApplied = false
    return {
      async run() {
        writer.run("SAVEPOINT job")
        try {
          const value = await job(createTxQuery(writer, query, effects))
          writer.run("RELEASE job")
          isApplied = true
          resolve({ value, durable: durable.promise })
        } catch (error) {
          if (writer.inTransaction) writer.exec("ROLLBACK TO job; RELEASE job")
          effects.length = 0
          reject(error)
        }
      },
      commit() {
        durable.resolve()
        for (const effect of effects) runEffect(effect)
      },
      fail(cause) {
        durable.reject(cause)
        if (!isApplied) reject(cause)
      },
    }
  }

  async function runGroups(): Promise<void> {
    while (queue.length > 0) await runGroup(writer, queue)
    running = undefined
  }

  return { apply, idle: async () => void (await running) }
}

async function runGroup(writer: Database, queue: QueuedJob[]): Promise<void> {
  const group: QueuedJob[] = []
  const runQueued = async () => {
    while (queue.length > 0 && group.length < LARGEST_GROUP) {
      const job = queue.shift()!
      group.push(job)
      await job.run()
      // Some failures (disk full) make SQLite roll back everything; what ran before must not count as applied.
      if (!writer.inTransaction) throw new Error("SQLite rolled the transaction back")
    }
  }
  try {
    writer.run("BEGIN IMMEDIATE")
    await runQueued()
    await turn()
    await runQueued()
    writer.run("COMMIT")
  } catch (cause) {
    if (writer.inTransaction) writer.run("ROLLBACK")
    // A BEGIN that failed (disk full, lock held too long) fails those who wait for it.
    if (group.length === 0) group.push(...queue.splice(0))
    const failure = new AppError("unavailable", `The database did not accept the write: ${describe(cause)}`)
    for (const job of group) job.fail(failure)
    return
  }
  for (const job of group) job.commit()
}

const describe = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** One turn of the event loop. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

function createQuery(database: Database): Query {
  return {
    orm: drizzle({ client: database }),
    run: async (sql, ...values) => database.query(sql).run(...values).changes,
    get: async <Row>(sql: string, ...values: SqlValue[]) =>
      (database.query(sql).get(...values) as Row) ?? undefined,
    all: async <Row>(sql: string, ...values: SqlValue[]) => database.query(sql).all(...values) as Row[],
  }
}

function createTxQuery(writer: Database, query: Query, effects: (() => void)[]): TxQuery {
  return {
    ...query,
    afterCommit: effect => void effects.push(effect),
    async atomically(part) {
      writer.run("SAVEPOINT part")
      try {
        const value = await part()
        writer.run("RELEASE part")
        return value
      } catch (error) {
        if (writer.inTransaction) writer.exec("ROLLBACK TO part; RELEASE part")
        throw error
      }
    },
  }
}

function assertSqliteVersion(database: Database): void {
  const { version } = database.query("SELECT sqlite_version() AS version").get() as { version: string }
  if (Bun.semver.order(version, OLDEST_SQLITE) < 0) {
    throw new AppError(
      "unavailable",
      `SQLite ${version} is too old: use a Bun with SQLite ${OLDEST_SQLITE} or newer.`,
    )
  }
}
