/** Asks something of the running process, and judges each of its jobs when it has run, and its answer when it comes. */
import { AppError } from "../../src/platform/errors.ts"
import type { Store, TxQuery } from "../../src/platform/store.ts"
import { DiskFault, type Group } from "./disk.ts"
import { assertThat, Violation } from "./oracle.ts"
import { judge, type Needs, type Operation, type World } from "./world.ts"

/** What the oracle makes of a job of the store, at the moment when it has run. */
export type Foreseen = Refused | Done

interface Refused {
  /** The code or the reason of the refusal that is thrown; `*` for any. */
  refusal: string
}

interface Done {
  /** Throws Violation when this is not what the job had to give. */
  check?(value: unknown): void
  /** Does the same in the oracle's books. */
  follow?(): void
}

/** A real call, and what must come of it. */
export interface Job<T> {
  what: string
  call(needs: Needs): Promise<T>
  /** Of the job with this number within the call. */
  foresee(number: number): Foreseen
  /** Called with the answer. */
  answered?(value: T, operation: Operation): void
  /** Whether this refusal, which no job of the store threw, is right. */
  isRefusal?(error: AppError, operation: Operation): boolean
  /** Called when there will be no answer but a failure. */
  failed?(): void
}

interface Run {
  operation: Operation
  /** Those in which a job came to its end. */
  groups: Group[]
  job_count: number
  /** What jobs threw, and was right. */
  refusals: Set<unknown>
}

/** Starts a call and goes on; its answer counts only while the process that was asked lives. */
export function launch<T>(world: World, job: Job<T>): void {
  const { needs, disk, under_way } = world
  const run = begin(world, job.what)
  const fault_count = disk.fault_count
  const isHeard = () => world.needs === needs && !disk.is_down
  const onDone = (value: T) => {
    if (!isHeard()) return
    world.note(`  ${job.what}: done`)
    under_way.delete(run.operation)
    const is_durable = run.groups.every(group => group.is_committed)
    assertThat(is_durable, () => `${job.what} was acknowledged, but is not committed`)
    job.answered?.(value, run.operation)
  }
  const onFailed = (error: unknown) => {
    if (error instanceof Violation) throw error
    if (!isHeard()) return
    world.note(`  ${job.what}: ${error}`)
    under_way.delete(run.operation)
    job.failed?.()
    const is_fault = disk.fault_count > fault_count && isReportOfFault(error)
    const is_right =
      run.refusals.has(error) || (error instanceof AppError && job.isRefusal?.(error, run.operation))
    if (is_fault || is_right || world.only_laws) return
    throw new Violation(`${job.what} failed: ${error instanceof Error ? error.stack : error}`)
  }
  // Time stands still within an operation: what it read and what the oracle reckons with is the same.
  const { now } = world
  const clock = { ...needs.clock, now: () => now }
  const store = follow(world, run, job)
  job
    .call({ ...needs, store, clock })
    .then(onDone)
    .catch(onFailed)
    .catch(violation => {
      world.violation ??= violation
    })
}

function begin({ under_way }: World, what: string): Run {
  const operation: Operation = { what, is_alone: under_way.size === 0 }
  for (const other of under_way) other.is_alone = false
  under_way.add(operation)
  return { operation, groups: [], job_count: 0, refusals: new Set() }
}

const isReportOfFault = (error: unknown) =>
  error instanceof DiskFault || (error instanceof AppError && error.reason === "unavailable")

type StoreJob<T> = (q: TxQuery) => Promise<T>

/** The process's store; the oracle looks at each job that has run in it. */
function follow<T>(world: World, run: Run, { foresee, what }: Job<T>): Store {
  const { needs, disk } = world
  const { store } = needs
  const isAlive = () => world.needs === needs && !disk.is_down
  function watched<Value>(job: StoreJob<Value>): StoreJob<Value> {
    const number = run.job_count++
    return async q => {
      world.running_count += 1
      try {
        const value = await job(q)
        if (isAlive()) {
          run.groups.push(disk.group)
          judge(world, () => judgeDone(world, foresee(number), { value, what }))
        }
        return value
      } catch (error) {
        if (isAlive() && !(error instanceof DiskFault))
          judge(world, () => judgeThrown(world, run, { foresee: foresee(number), error }))
        throw error
      } finally {
        world.running_count -= 1
        world.job_count += 1
      }
    }
  }
  return { ...store, tx: job => store.tx(watched(job)), apply: job => store.apply(watched(job)) }
}

/** What was not refused, but changed nothing, harms no law: the books are compared anyway. */
function judgeDone(
  world: World,
  foreseen: Foreseen,
  { value, what }: { value: unknown; what: string },
): void {
  if ("refusal" in foreseen) {
    assertThat(world.only_laws, () => `${what}: done, should be refused as ${foreseen.refusal}`)
    return
  }
  foreseen.check?.(value)
  foreseen.follow?.()
}

/** What a lower layer refuses, because a higher one was taken away, harms no law. */
function judgeThrown(
  world: World,
  run: Run,
  { foresee, error }: { foresee: Foreseen; error: unknown },
): void {
  const isExpected = "refusal" in foresee && isRefusal(error, foresee.refusal)
  if (isExpected) run.refusals.add(error)
  if (isExpected || world.only_laws) return
  const should = "refusal" in foresee ? `should be refused as ${foresee.refusal}` : "should be done"
  throw new Violation(`${run.operation.what}: ${should}, was ${error instanceof Error ? error.stack : error}`)
}

function isRefusal(error: unknown, refusal: string): boolean {
  if (refusal === "*") return true
  return error instanceof AppError && (error.detail.code === refusal || error.reason === refusal)
}
