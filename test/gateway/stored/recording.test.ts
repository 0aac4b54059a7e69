/** Recordings: whoever reads from whatever number, whenever and while events move to the database, reads the same. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  closeRecording,
  followRecording,
  packTail,
  type Recording,
  readStoredEvents,
  recordEvent,
  startRecording,
} from "../../../src/gateway/stored/recording.ts"
import { checkPropertyAsync } from "../../support/property.ts"
import { openScene, readEvents, type Scene } from "./scene.ts"

type Step = { kind: "event" } | { kind: "flush" } | { kind: "turn" } | { kind: "reader"; from: number }

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ kind: "event" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: "flush" }) },
    { weight: 3, arbitrary: fc.constant<Step>({ kind: "turn" }) },
    { weight: 2, arbitrary: fc.nat(12).map((from): Step => ({ kind: "reader", from })) },
  ),
  { minLength: 5, maxLength: 60 },
)

async function flush(scene: Scene, recording: Recording): Promise<void> {
  if (recording.tail.length === 0) return
  const batch = await packTail(recording)
  await scene.needs.cache.tx(batch.write)
  batch.forget()
}

async function readAll(texts: AsyncGenerator<string | { text: string }>): Promise<number[]> {
  let all = ""
  for await (const one of texts) all += typeof one === "string" ? one : one.text
  return readEvents(all).map(event => event.sequence_number)
}

test("every reader gets every event from its number on, once and in order", async () => {
  await checkPropertyAsync(import.meta.path, steps, async list => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    const key = { customer_id: scene.mine.caller.customer_id, object_id: id }
    const recording = startRecording(key.customer_id, key.object_id)
    const readers: { from: number; heard: Promise<number[]> }[] = []
    let flushed: Promise<void> = Promise.resolve()
    let count = 0
    for (const step of list) {
      if (step.kind === "event") recordEvent(recording, { type: "x", n: count++ })
      if (step.kind === "flush") flushed = flushed.then(() => flush(scene, recording))
      if (step.kind === "turn") await new Promise(resolve => setImmediate(resolve))
      if (step.kind === "reader") {
        const { from } = step
        readers.push({ from, heard: readAll(followRecording(scene.needs, recording, from)) })
      }
    }
    await flushed
    closeRecording(recording)
    const numbers = Array.from({ length: count }, (_, number) => number)
    for (const { from, heard } of readers) expect(await heard).toEqual(numbers.slice(from))
    await flush(scene, recording)
    expect(await readAll(readStoredEvents(scene.needs, key, 0))).toEqual(numbers)
  })
})
