/** Cancelling background responses: the upstream is left, there is one end, and everybody sees the same. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { eventsOfResponse } from "../../../src/gateway/stored/replay.ts"
import { messageOf, openAnswer, openScene, poll, replay, responseWith } from "./scene.ts"

const RUN = { input: "hi", background: true }

describe("cancelling", () => {
  test("aborts the upstream, waits for the end, and is the same when repeated", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    const following = replay(scene, id)
    const call = await model.asked
    model.push(...[...eventsOfResponse(responseWith(call, [messageOf("one")]))].slice(0, -1))
    const cancelled = await scene.ask("POST", `/v1/responses/${id}/cancel`)
    await model.cancelled
    expect(cancelled.status).toBe(200)
    expect(cancelled.body).toMatchObject({ id, status: "cancelled", background: true, error: null } as never)
    expect((await scene.ask("POST", `/v1/responses/${id}/cancel`)).body).toEqual(cancelled.body)
    expect(await poll(scene, id)).toEqual(cancelled.body)
    const last = (await following).at(-1)!
    expect((last.response as JsonObject).status).toBe("cancelled")
  })

  test("one that is completed leaves it as it is", async () => {
    const scene = await openScene()
    const { id } = await scene.create(RUN)
    await scene.needs.tasks.idle()
    const { status, body } = await scene.ask("POST", `/v1/responses/${id}/cancel`)
    expect({ status, state: body.status }).toEqual({ status: 200, state: "completed" } as never)
  })

  test("at the moment of completion ends in exactly one of the two, everywhere the same", async () => {
    for (let wait = 0; wait < 12; wait++) {
      const scene = await openScene()
      const model = openAnswer()
      scene.play(model.answer)
      const { id } = await scene.create(RUN)
      const following = replay(scene, id)
      model.push(...eventsOfResponse(responseWith(await model.asked, [messageOf("one")])))
      for (let turn = 0; turn < wait; turn++) await Promise.resolve()
      const { body } = await scene.ask("POST", `/v1/responses/${id}/cancel`)
      await scene.needs.tasks.idle()
      expect(["completed", "cancelled"]).toContain(body.status as string)
      expect(await poll(scene, id)).toEqual(body)
      const ends = (await following).filter(
        event => /completed|failed|incomplete/.test(event.type) && event.response,
      )
      expect(ends).toHaveLength(1)
      expect((ends[0]!.response as JsonObject).status).toBe(body.status as string)
    }
  })

  test("too late, when the whole answer is on its way, changes nothing: it is paid for and complete", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(call => {
      const { cancelled: _, ...deaf } = call
      return model.answer(deaf)
    })
    const { id } = await scene.create(RUN)
    const cancelling = scene.ask("POST", `/v1/responses/${id}/cancel`)
    while (!scene.calls[0]!.cancelled!.aborted) await new Promise(resolve => setImmediate(resolve))
    model.push(...eventsOfResponse(responseWith(await model.asked, [messageOf("one")])))
    const { status, body } = await cancelling
    expect({ status, state: body.status }).toEqual({ status: 200, state: "completed" } as never)
    expect(await poll(scene, id)).toEqual(body)
  })

  test("happens before a running response is deleted, and nothing of it is left", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    expect((await scene.ask("DELETE", `/v1/responses/${id}`)).body.deleted).toBe(true as never)
    await model.cancelled
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(404)
    for (const table of ["stored_object", "stored_event", "stored_item"]) {
      expect(await scene.needs.cache.read.all(`SELECT * FROM ${table}`)).toEqual([])
    }
  })

  test("another customer's is 404 and does not touch it", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    expect((await scene.ask("POST", `/v1/responses/${id}/cancel`, undefined, scene.other.key)).status).toBe(
      404,
    )
    expect(
      (await scene.ask("GET", `/v1/responses/${id}?stream=true`, undefined, scene.other.key)).status,
    ).toBe(404)
    expect((await poll(scene, id)).status).toBe("queued" as never)
    model.end()
  })
})
