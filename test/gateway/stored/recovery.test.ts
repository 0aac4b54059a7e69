/** What a start makes of what the last server left: interrupted runs have failed, everything else is as it was. */
import { expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { recoverStored } from "../../../src/gateway/stored/recovery.ts"
import { eventsOfResponse } from "../../../src/gateway/stored/replay.ts"
import { createRuns } from "../../../src/gateway/stored/runs.ts"
import { DAY_MS, messageOf, openAnswer, openScene, readEvents, responseWith, type Scene } from "./scene.ts"

/** A server that died while a background response ran, after so many long deltas. */
async function interrupted(delta_count: number): Promise<{ scene: Scene; id: string; heard: number }> {
  const scene = await openScene()
  const model = openAnswer()
  scene.play(model.answer)
  const { id } = await scene.create({ input: "hi", background: true })
  const events = [...eventsOfResponse(responseWith(await model.asked, [messageOf("one")]))]
  model.push(...events.slice(0, 4))
  const run = scene.needs.runs.find({ customer_id: scene.mine.caller.customer_id, id })!
  for (let count = 0; count < delta_count; count++) {
    model.push({ ...events[4]!, delta: "x".repeat(10_000) })
    await new Promise(resolve => setImmediate(resolve))
  }
  while (run.recording.tail_chars >= 65_536) await new Promise(resolve => setImmediate(resolve))
  scene.needs.runs = createRuns()
  return { scene, id, heard: run.recording.tail_number }
}

const INTERRUPTED = {
  status: "failed",
  error: { code: "server_error", message: expect.stringContaining("restarted") },
}

test("a run without a process has failed, before and after the start puts it down", async () => {
  const { scene, id } = await interrupted(0)
  expect((await scene.ask("GET", `/v1/responses/${id}`)).body).toMatchObject(INTERRUPTED as never)
  expect(await recoverStored(scene.needs)).toBe(1)
  expect(await recoverStored(scene.needs)).toBe(0)
  expect((await scene.ask("GET", `/v1/responses/${id}`)).body).toMatchObject(INTERRUPTED as never)
  const cancelled = await scene.ask("POST", `/v1/responses/${id}/cancel`)
  expect(cancelled.body).toMatchObject(INTERRUPTED as never)
})

test("its stream, when nothing of it was written, is created, in progress, failed", async () => {
  const { scene, id } = await interrupted(0)
  await recoverStored(scene.needs)
  const events = readEvents(await (await scene.send("GET", `/v1/responses/${id}?stream=true`)).text())
  expect(events.map(event => event.type)).toEqual([
    "response.created",
    "response.in_progress",
    "response.failed",
  ])
})

test("its stream, as far as it was written, goes on to response.failed without a gap", async () => {
  const { scene, id, heard } = await interrupted(30)
  expect(heard).toBeGreaterThan(5)
  await recoverStored(scene.needs)
  const events = readEvents(await (await scene.send("GET", `/v1/responses/${id}?stream=true`)).text())
  expect(events.map(event => event.sequence_number)).toEqual(events.map((_, index) => index))
  expect(events).toHaveLength(heard + 1)
  expect(events.at(-1)!.type).toBe("response.failed")
  expect((events.at(-1)!.response as JsonObject).status).toBe("failed")
})

test("finished responses stay as they are; expired ones go", async () => {
  const scene = await openScene()
  await scene.create({ input: "old" })
  scene.clock.advance(31 * DAY_MS)
  const { id } = await scene.create({ input: "new" })
  expect(await recoverStored(scene.needs)).toBe(0)
  expect((await scene.ask("GET", `/v1/responses/${id}`)).body).toMatchObject({ status: "completed" } as never)
})
