/** Tracked work: that idle waits for all of it, and that failures go to the one who wants them. */
import { expect, test } from "bun:test"
import { createTasks } from "../../src/platform/tasks.ts"

test("idle waits for everything tracked, also for what was added while it waited", async () => {
  const tasks = createTasks(() => expect.unreachable())
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  tasks.track(
    first.promise.then(() => {
      order.push("first")
      tasks.track(second.promise.then(() => order.push("second")))
    }),
  )
  const idle = tasks.idle().then(() => order.push("idle"))
  first.resolve()
  await first.promise
  second.resolve()
  await idle
  expect(order).toEqual(["first", "second", "idle"])
  expect(tasks.count()).toBe(0)
})

test("open work is counted", async () => {
  const tasks = createTasks(() => expect.unreachable())
  const work = Promise.withResolvers<void>()
  tasks.track(work.promise)
  expect(tasks.count()).toBe(1)
  work.resolve()
  await tasks.idle()
  expect(tasks.count()).toBe(0)
})

test("failed work is reported and does not make idle fail", async () => {
  const failures: unknown[] = []
  const tasks = createTasks(error => failures.push(error))
  tasks.track(Promise.reject(new Error("lost")))
  await tasks.idle()
  expect(failures).toEqual([new Error("lost")])
})

test("idle resolves at once when nothing is open", async () => {
  await createTasks(() => {}).idle()
})
