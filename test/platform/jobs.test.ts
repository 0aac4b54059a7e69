/** Jobs: when they run, that none runs twice at once, and that nothing ends them but stop. */
import { expect, test } from "bun:test"
import { type Job, startJobs } from "../../src/platform/jobs.ts"
import { createLog } from "../../src/platform/log.ts"
import { createTasks } from "../../src/platform/tasks.ts"
import { createTestClock } from "../support/clock.ts"
import { turn, untilTrue } from "../support/turns.ts"

function open() {
  const clock = createTestClock()
  const logs: string[] = []
  const log = createLog("info", line => logs.push(line))
  const tasks = createTasks(() => expect.unreachable())
  return { clock, logs, tasks, start: (...jobs: Job[]) => startJobs({ clock, log, tasks }, jobs) }
}

/** A job that a test lets end, and what became of it. */
function openJob(every_ms = 1_000) {
  const runs: PromiseWithResolvers<void>[] = []
  let running_count = 0
  let most_count = 0
  const job: Job = {
    name: "sweep",
    every_ms,
    async run() {
      const run = Promise.withResolvers<void>()
      runs.push(run)
      most_count = Math.max(most_count, ++running_count)
      await run.promise.finally(() => running_count--)
    },
  }
  return { job, runs, most: () => most_count }
}

test("a job runs now, and again so long after its end", async () => {
  const { clock, start } = open()
  const { job, runs, most } = openJob()
  start(job)
  expect(runs).toHaveLength(1)
  clock.advance(60_000)
  expect(runs).toHaveLength(1)
  runs[0]!.resolve()
  await untilTrue("the job has a timer", () => clock.timer_count() === 1)
  clock.advance(999)
  expect(runs).toHaveLength(1)
  clock.advance(1)
  expect(runs).toHaveLength(2)
  expect(most()).toBe(1)
})

test("a job that is slow does not hold the others up", async () => {
  const { clock, start } = open()
  const slow = openJob()
  const quick = openJob(10)
  start(slow.job, quick.job)
  for (let count = 1; count <= 3; count++) {
    expect(quick.runs).toHaveLength(count)
    quick.runs.at(-1)!.resolve()
    await untilTrue("the quick job has a timer", () => clock.timer_count() === 1)
    clock.advance(10)
  }
  expect(slow.runs).toHaveLength(1)
})

test("a failure is logged with the job's name, and the job goes on, also when it throws at once", async () => {
  const { clock, logs, start } = open()
  let count = 0
  const run = () => {
    count++
    if (count === 1) throw new Error("no network")
    return Promise.reject(new Error("no disk"))
  }
  start({ name: "sweep", every_ms: 5, run })
  for (const message of ["no network", "no disk"]) {
    await untilTrue("the job has a timer", () => clock.timer_count() === 1)
    expect(logs.at(-1)).toContain(
      `"level":"error","message":"a job failed","job":"sweep","error":"${message}"`,
    )
    clock.advance(5)
  }
  expect(count).toBe(3)
})

test("stop waits for what runs, and nothing runs after it", async () => {
  const { clock, start } = open()
  const { job, runs } = openJob()
  const idle = openJob()
  const jobs = start(job, idle.job)
  idle.runs[0]!.resolve()
  await untilTrue("the idle job has a timer", () => clock.timer_count() === 1)
  let has_stopped = false
  const stopped = jobs.stop().then(() => {
    has_stopped = true
  })
  await turn()
  expect(has_stopped).toBe(false)
  runs[0]!.resolve()
  await stopped
  expect(clock.timer_count()).toBe(0)
  clock.advance(10_000)
  expect([runs.length, idle.runs.length]).toEqual([1, 1])
})

test("a shutdown that waits for open work waits for a running job too", async () => {
  const { start, tasks } = open()
  const { job, runs } = openJob()
  start(job)
  expect(tasks.count()).toBe(1)
  runs[0]!.resolve()
  await tasks.idle()
})
