/** Stored chat completions: list with filters and pages, retrieve, metadata, messages, delete (sdk-wire 1 and 2). */
import type { Case, Door } from "../case.ts"
import { expectEqual, expectThat } from "../finding.ts"
import { expectOffered, listAt, type Probe, textAt, valueAt } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"
import { PROMPT, textRequest } from "../requests.ts"
import { readOk, readWholeChat } from "../whole-answers.ts"

const DOOR = "/v1/chat/completions" satisfies Door
const group = "chat"
const door = DOOR

/** A stored completion under a label that no other run uses. */
async function createStored(probe: Probe, run: string): Promise<string> {
  const body = textRequest(DOOR, probe.target, { store: true, metadata: { run } })
  return readWholeChat(readOk(await probe.ask(DOOR, { body }))).id
}

async function read(probe: Probe, path: string): Promise<Record<string, unknown>> {
  const answer = await probe.ask(`${DOOR}${path}`)
  expectOffered(probe, answer)
  return readOk(answer)
}

const newLabel = (): string => `conformance-${crypto.randomUUID()}`
const filterOf = (run: string): string => `metadata%5Brun%5D=${run}`
const idsOf = (list: unknown): string[] => listAt(list, "data").map(one => textAt(one, "id"))

export const STORED_CHAT_CASES: readonly Case[] = [
  {
    id: "chat.store",
    group,
    door,
    title: "keeps a completion, gives it back, deletes it, and then knows it no more",
    model_calls: 1,
    async run(probe) {
      const id = await createStored(probe, newLabel())
      expectEqual("id", readWholeChat(await read(probe, `/${id}`)).id, id)
      const deleted = readOk(await probe.ask(`${DOOR}/${id}`, { method: "DELETE" }))
      expectEqual("the deletion", deleted, { id, object: "chat.completion.deleted", deleted: true })
      expectRefusal(await probe.ask(`${DOOR}/${id}`), DOOR, { status: 404 })
    },
  },
  {
    id: "chat.store-unasked",
    group,
    door,
    title: "keeps nothing unless store is true",
    model_calls: 2,
    async run(probe) {
      // A server that keeps nothing at all has not shown that it heeds `store`.
      await read(probe, `/${await createStored(probe, newLabel())}`)
      const body = textRequest(DOOR, probe.target)
      const { id } = readWholeChat(readOk(await probe.ask(DOOR, { body })))
      expectRefusal(await probe.ask(`${DOOR}/${id}`), DOOR, { status: 404 })
    },
  },
  {
    id: "chat.list",
    group,
    door,
    title: "lists stored completions by model and metadata, in pages without gaps or repeats",
    model_calls: 2,
    async run(probe) {
      const run = newLabel()
      const ids = [await createStored(probe, run), await createStored(probe, run)]
      const filter = `${filterOf(run)}&model=${encodeURIComponent(probe.target.model)}&order=asc`
      const all = await read(probe, `?${filter}`)
      expectEqual("object", all.object, "list")
      expectEqual("the two, oldest first", idsOf(all), ids)
      const first = await read(probe, `?${filter}&limit=1`)
      expectEqual("has_more of the first page", first.has_more, true)
      const second = await read(probe, `?${filter}&limit=1&after=${ids[0]}`)
      expectEqual("the second page", [idsOf(second), second.has_more], [[ids[1]], false])
      const none = await read(probe, `?${filterOf(newLabel())}`)
      expectEqual("what another label finds", idsOf(none), [])
    },
  },
  {
    id: "chat.update",
    group,
    door,
    title: "updates the metadata of a stored completion by POST and by PATCH",
    model_calls: 1,
    async run(probe) {
      const id = await createStored(probe, newLabel())
      for (const method of probe.target.is_ours ? ["POST", "PATCH"] : ["POST"]) {
        const metadata = { run: newLabel() }
        const answer = await probe.ask(`${DOOR}/${id}`, { method, body: { metadata } })
        expectOffered(probe, answer)
        expectEqual("metadata in the answer", readOk(answer).metadata, metadata)
        expectEqual("metadata afterwards", (await read(probe, `/${id}`)).metadata, metadata)
      }
    },
  },
  {
    id: "chat.messages",
    group,
    door,
    title: "lists the messages of a stored completion",
    model_calls: 1,
    async run(probe) {
      const id = await createStored(probe, newLabel())
      const list = await read(probe, `/${id}/messages`)
      expectEqual("object", list.object, "list")
      const [message] = listAt(list, "data")
      expectThat(textAt(message, "id") !== "", "an id of the message", message)
      expectEqual("role", valueAt(message, "role"), "user")
      expectEqual("content", valueAt(message, "content"), PROMPT)
      expectEqual("has_more", list.has_more, false)
    },
  },
  {
    id: "chat.unknown-id",
    group,
    door,
    title: "answers 404 in shape for an unknown id on every path of a completion",
    async run(probe) {
      const id = "chatcmpl-conformance-nobody"
      const asked = [
        probe.ask(`${DOOR}/${id}`),
        probe.ask(`${DOOR}/${id}/messages`),
        probe.ask(`${DOOR}/${id}`, { method: "DELETE" }),
        probe.ask(`${DOOR}/${id}`, { body: { metadata: {} } }),
      ]
      for (const answer of await Promise.all(asked)) expectRefusal(answer, DOOR, { status: 404 })
    },
  },
]
