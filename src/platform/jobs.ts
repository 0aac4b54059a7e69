/** Work that comes back: sweepers, reminders, deliveries; one timer for each, never two runs of one at once. */
import type { Clock } from "./clock.ts"
import { describeError, type Log } from "./log.ts"
import type { Tasks } from "./tasks.ts"

export interface Job {
  /** For the log. */
  name: string
  /** From the end of a run to the next one. */
  every_ms: number
  run(): Promise<unknown>
}

export interface JobNeeds {
  clock: Clock
  log: Log
  tasks: Tasks
}

/**
 * Runs each job now and then again `every_ms` after its end, never twice at once; a failure is logged and the job
 * goes on. `stop` ends that and waits for running ones.
 */
export function startJobs(needs: JobNeeds, jobs: readonly Job[]): { stop(): Promise<void> } {
  const stops = jobs.map(job => startJob(needs, job))
  return { stop: async () => void (await Promise.all(stops.map(stop => stop()))) }
}

function startJob({ clock, log, tasks }: JobNeeds, job: Job): () => Promise<void> {
  let isStopped = false
  let cancel = () => {}
  let running: Promise<void>

  function run(): void {
    running = runLogged(log, job).then(() => {
      if (!isStopped) cancel = clock.after(job.every_ms, run)
    })
    tasks.track(running)
  }

  run()
  return () => {
    isStopped = true
    cancel()
    return running
  }
}

async function runLogged(log: Log, job: Job): Promise<void> {
  try {
    await job.run()
  } catch (error) {
    // The next run may succeed: what failed is often outside (a mail server, Stripe, a full disk).
    log.error("a job failed", { job: job.name, ...describeError(error) })
  }
}
