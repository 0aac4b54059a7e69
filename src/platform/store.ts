/** The database: one writer with group commit, one reader; not the tables, which belong to the domains. */
import { Database, SQLiteError, type Statement } from "bun:sqlite"
import { migrateDatabase } from "../../db/migrate.ts"
import { AppError } from "./errors.ts"

export type SqlValue = string | number | null

/** Statements against one connection. SQL text is prepared once and cached. */
export interface Query {
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
/** At most 64 MiB of pages: with millions of customers the 2 MiB of the default hold hardly the inner pages of a tree. */
const CACHE = "PRAGMA cache_size = -65536"
/** Every 16 MiB: a page that many requests change is copied back once for all of them. */
const CHECKPOINT = "PRAGMA wal_autocheckpoint = 4000"

/** Opens (and creates, and migrates) a database. Throws `unavailable` when SQLite is too old or the file is unusable. */
export function openStore(options: StoreOptions): Store {
  const { path } = options
  const isFile = typeof path === "string"
  const writer = isFile ? openFile(path, options) : path
  // After the migrations, which may rebuild tables.
  writer.exec("PRAGMA foreign_keys = ON")
  const reader = isFile ? new Database(path, { readonly: true }) : writer
  if (isFile) {
    reader.exec("PRAGMA busy_timeout = 5000")
    reader.exec(CACHE)
  }
  const group = createGroupCommit(writer, {
    interval_ms: isFile ? COMMIT_INTERVAL_MS : 0,
    onEffectError: options.onEffectError ?? reportError,
  })
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
    // What a savepoint may have to undo stays in memory instead of a temporary file.
    database.exec("PRAGMA temp_store = MEMORY")
    database.exec(CACHE)
    database.exec(CHECKPOINT)
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
 * Between two commits of a file at least this long: under load more jobs share a commit, when quiet none waits.
 * A commit costs about 0.1 ms of processor time and blocks the event loop while the disk writes.
 */
const COMMIT_INTERVAL_MS = 3

/** Jobs that wait for the writer, and what its groups share. */
interface Queue {
  jobs: QueuedJob[]
  /** Called when a job arrives while a group waits for its commit. */
  wake: () => void
  committed_at: number
  interval_ms: number
  /** Whether the last group had company: only then the next may wait for more. */
  is_busy: boolean
}

/**
 * Collects the jobs of the moment into one transaction: BEGIN IMMEDIATE, a SAVEPOINT per job, one COMMIT.
 * A job runs as soon as it arrives; only the COMMIT waits. Before it the event loop turns at least once, so
 * that work that may start when a job is applied (an upstream call) starts before the disk is waited for.
 */
function createGroupCommit(
  writer: Database,
  options: { interval_ms: number; onEffectError: (e: unknown) => void },
) {
  const query = createQuery(writer)
  const queue: Queue = {
    jobs: [],
    wake: () => {},
    committed_at: 0,
    interval_ms: options.interval_ms,
    is_busy: false,
  }
  let running: Promise<void> | undefined

  function apply<T>(job: Job<T>): Promise<Applied<T>> {
    return new Promise((resolve, reject) => {
      queue.jobs.push(
        createJob({ writer, query, job, onEffectError: options.onEffectError }, resolve, reject),
      )
      queue.wake()
      running ??= turn().then(runGroups)
    })
  }

  async function runGroups(): Promise<void> {
    while (queue.jobs.length > 0) await runGroup(writer, queue)
    running = undefined
  }

  return { apply, idle: async () => void (await running) }
}

interface JobSetup<T> {
  writer: Database
  query: Query
  job: Job<T>
  onEffectError: (error: unknown) => void
}

/** A job as the group runs it: in a savepoint of its own, heard of when applied, and again when committed. */
function createJob<T>(
  setup: JobSetup<T>,
  resolve: (applied: Applied<T>) => void,
  reject: (error: unknown) => void,
): QueuedJob {
  const { writer } = setup
  const durable = Promise.withResolvers<void>()
  durable.promise.catch(() => {}) // whoever awaits `durable` gets the failure; nobody has to
  const effects: (() => void)[] = []
  let isApplied = false
  return {
    async run() {
      control(writer, "SAVEPOINT job")
      try {
        const value = await setup.job(createTxQuery(writer, setup.query, effects))
        control(writer, "RELEASE job")
        isApplied = true
        resolve({ value, durable: durable.promise })
      } catch (error) {
        undo(writer, "job")
        effects.length = 0
        reject(error)
      }
    },
    commit() {
      durable.resolve()
      for (const effect of effects) runEffect(effect, setup.onEffectError)
    },
    fail(cause) {
      durable.reject(cause)
      if (!isApplied) reject(cause)
    },
  }
}

/** What was committed stays, and those who wait for the rest of the group must hear of it: a throw is only told. */
function runEffect(effect: () => void, onError: (error: unknown) => void): void {
  try {
    effect()
  } catch (error) {
    onError(error)
  }
}

async function runGroup(writer: Database, queue: Queue): Promise<void> {
  const group: QueuedJob[] = []
  try {
    control(writer, "BEGIN IMMEDIATE")
    await runQueued(writer, queue, group)
    await turn()
    await runQueued(writer, queue, group)
    await runArrivals(writer, queue, group)
    control(writer, "COMMIT")
    queue.committed_at = performance.now()
    queue.is_busy = group.length > 1
  } catch (cause) {
    if (writer.inTransaction) control(writer, "ROLLBACK")
    // A BEGIN that failed (disk full, lock held too long) fails those who wait for it.
    if (group.length === 0) group.push(...queue.jobs.splice(0))
    const failure = new AppError("unavailable", `The database did not accept the write: ${describe(cause)}`)
    for (const job of group) job.fail(failure)
    return
  }
  for (const job of group) job.commit()
}

async function runQueued(writer: Database, queue: Queue, group: QueuedJob[]): Promise<void> {
  while (queue.jobs.length > 0 && group.length < LARGEST_GROUP) {
    const job = queue.jobs.shift()!
    group.push(job)
    await job.run()
    // Some failures (disk full) make SQLite roll back everything; what ran before must not count as applied.
    if (!writer.inTransaction) throw new Error("SQLite rolled the transaction back")
  }
}

/** Runs what arrives until the next commit is due. */
async function runArrivals(writer: Database, queue: Queue, group: QueuedJob[]): Promise<void> {
  const left_ms = queue.committed_at + queue.interval_ms - performance.now()
  if (left_ms <= 0 || (!queue.is_busy && group.length === 1)) return
  let is_due = false
  const timer = setTimeout(() => {
    is_due = true
    queue.wake()
  }, left_ms)
  while (!is_due && group.length < LARGEST_GROUP) {
    if (queue.jobs.length === 0) await arrival(queue)
    await runQueued(writer, queue, group)
  }
  clearTimeout(timer)
  queue.wake = () => {}
}

const arrival = (queue: Queue) =>
  new Promise<void>(resolve => {
    queue.wake = resolve
  })

/** Runs a transaction word as a cached statement; `Database.run` would prepare it anew each time. */
const control = (writer: Database, word: string) => void prepared(writer, word).run()

/** Undoes a savepoint, unless SQLite has rolled back everything already. */
function undo(writer: Database, savepoint: string): void {
  if (!writer.inTransaction) return
  control(writer, `ROLLBACK TO ${savepoint}`)
  control(writer, `RELEASE ${savepoint}`)
}

const describe = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** One turn of the event loop. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Every statement of a connection, prepared once. SQL texts are constants, so their number is bounded. */
const STATEMENTS = new WeakMap<Database, Map<string, Statement>>()

/** `Database.query` keeps only the first 20 statements and prepares all others anew each time. */
function prepared(database: Database, sql: string): Statement {
  const statements = STATEMENTS.get(database) ?? new Map<string, Statement>()
  STATEMENTS.set(database, statements)
  const statement = statements.get(sql) ?? database.prepare(sql)
  statements.set(sql, statement)
  return statement
}

function createQuery(database: Database): Query {
  return {
    run: async (sql, ...values) => prepared(database, sql).run(...values).changes,
    get: async <Row>(sql: string, ...values: SqlValue[]) =>
      (prepared(database, sql).get(...values) as Row) ?? undefined,
    all: async <Row>(sql: string, ...values: SqlValue[]) => prepared(database, sql).all(...values) as Row[],
  }
}

function createTxQuery(writer: Database, query: Query, effects: (() => void)[]): TxQuery {
  return {
    ...query,
    afterCommit: effect => void effects.push(effect),
    async atomically(part) {
      control(writer, "SAVEPOINT part")
      try {
        const value = await part()
        control(writer, "RELEASE part")
        return value
      } catch (error) {
        undo(writer, "part")
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
