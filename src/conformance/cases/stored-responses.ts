/** Stored responses: retrieve, replay, input items, delete, chains, background, compaction. */
import type { Case, Door } from "../case.ts"
import { expectEqual, expectThat, fail, notApplicable } from "../finding.ts"
import { type Answer, expectOffered, listAt, numberAt, type Probe, textAt, valueAt } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"
import { PROMPT, textRequest } from "../requests.ts"
import { readNamedStream, readResponsesStream } from "../streams.ts"
import { readOk, readWholeResponse, type Whole } from "../whole-answers.ts"

const DOOR = "/v1/responses" satisfies Door
const group = "responses"
const door = DOOR

const ask = (probe: Probe, extra: Record<string, unknown> = {}): Promise<Answer> =>
  probe.ask(DOOR, { body: textRequest(DOOR, probe.target, extra) })

/** A finished response that the server keeps. */
async function createStored(probe: Probe, extra: Record<string, unknown> = {}): Promise<Whole> {
  return readWholeResponse(readOk(await ask(probe, { store: true, ...extra })))
}

async function getStored(probe: Probe, path: string): Promise<Record<string, unknown>> {
  const answer = await probe.ask(`${DOOR}/${path}`)
  expectOffered(probe, answer)
  return readOk(answer)
}

const expectGone = async (probe: Probe, path: string): Promise<void> =>
  expectRefusal(await probe.ask(`${DOOR}/${path}`), DOOR, { status: 404 })

const object_cases: Case[] = [
  {
    id: "responses.store",
    group,
    door,
    title: "keeps a response, gives it back as it was, deletes it, and then knows it no more",
    model_calls: 1,
    async run(probe) {
      const { id, body } = await createStored(probe)
      const kept = await getStored(probe, id)
      expectEqual("the kept output", kept.output, body.output)
      expectEqual("the kept usage", kept.usage, body.usage)
      const { status, text } = await probe.ask(`${DOOR}/${id}`, { method: "DELETE" })
      expectThat([200, 204].includes(status), "DELETE to answer 200 or 204", `${status} ${text}`)
      await expectGone(probe, id)
    },
  },
  {
    id: "responses.store-false",
    group,
    door,
    title: "keeps nothing of a response with store: false",
    model_calls: 2,
    async run(probe) {
      // A server that keeps nothing at all has not shown that it heeds `store`.
      await getStored(probe, (await createStored(probe)).id)
      const { id } = await createStored(probe, { store: false })
      await expectGone(probe, id)
    },
  },
  {
    id: "responses.unknown-id",
    group,
    door,
    title: "answers 404 in shape for an unknown id on every path of a response",
    async run(probe) {
      const id = "resp_conformance_nobody"
      for (const path of [id, `${id}/input_items`]) await expectGone(probe, path)
      for (const path of [`${id}/cancel`, id]) {
        const method = path === id ? "DELETE" : "POST"
        expectRefusal(await probe.ask(`${DOOR}/${path}`, { method }), DOOR, { status: 404 })
      }
    },
  },
  {
    id: "responses.input-item-pages",
    group,
    door,
    title: "lists the input items of a response in pages without gaps or repeats",
    model_calls: 1,
    async run(probe) {
      const texts = ["One.", "Two.", "Three."]
      const input = texts.map(text => ({ role: "user", content: [{ type: "input_text", text }] }))
      const { id } = await createStored(probe, { input })
      const found: string[] = []
      let after = ""
      for (let page = 1; page <= texts.length; page++) {
        const list = await getStored(probe, `${id}/input_items?limit=1&order=asc${after}`)
        const [item] = listAt(list, "data")
        expectEqual("items of a page", listAt(list, "data").length, 1)
        expectEqual("has_more", list.has_more, page < texts.length)
        expectEqual("last_id", list.last_id, textAt(item, "id"))
        found.push(textAt(item, "content.0.text"))
        after = `&after=${textAt(item, "id")}`
      }
      expectEqual("the texts, oldest first", found, texts)
    },
  },
  {
    id: "responses.replay",
    group,
    door,
    title: "replays a background stream from 0 with the same events, and its rest after starting_after",
    model_calls: 1,
    async run(probe) {
      const live = readResponsesStream(await ask(probe, { background: true, store: true, stream: true }))
      const id = textAt(live[0], "response.id")
      const replayed = await probe.ask(`${DOOR}/${id}?stream=true`)
      expectOffered(probe, replayed)
      expectEqual(
        "the replayed events",
        readResponsesStream(replayed).map(nameAndNumber),
        live.map(nameAndNumber),
      )
      const rest = readNamedStream(await probe.ask(`${DOOR}/${id}?stream=true&starting_after=2`))
      expectEqual("the events after 2", rest.map(nameAndNumber), live.slice(3).map(nameAndNumber))
    },
  },
]

const nameAndNumber = (event: Record<string, unknown>): string => `${event.sequence_number} ${event.type}`

const chain_cases: Case[] = [
  {
    id: "responses.chain",
    group,
    door,
    title: "continues from previous_response_id with the whole history",
    model_calls: 2,
    async run(probe) {
      const first = await createStored(probe)
      await getStored(probe, first.id)
      const answer = await ask(probe, { previous_response_id: first.id, store: true })
      const second = readWholeResponse(readOk(answer))
      expectEqual("previous_response_id", second.body.previous_response_id, first.id)
      expectThat(second.id !== first.id, "a response of its own", second.id)
      const [before, after] = [inputOf(first), inputOf(second)]
      expectThat(after > before, `more input than the ${before} tokens of the first turn`, after)
    },
  },
  {
    id: "responses.chain-unknown",
    group,
    door,
    title: "refuses an unknown previous_response_id, naming it",
    async run(probe) {
      const answer = await ask(probe, { previous_response_id: "resp_conformance_nobody" })
      const { status } = answer
      expectThat(status === 400 || status === 404, "400 or 404", `${status} ${answer.text}`)
      expectRefusal(answer, DOOR, {
        status,
        field: "previous_response_id",
        code: "previous_response_not_found",
      })
    },
  },
]

/** Everything that was read, from a cache or not. */
const inputOf = ({ body }: Whole): number => numberAt(body, "usage.input_tokens")

const FINAL = ["completed", "incomplete", "failed", "cancelled"]
const POLL_MS = 100
const MOST_POLLS = 200

async function pollUntilFinal(probe: Probe, id: string): Promise<Record<string, unknown>> {
  for (let poll = 0; poll < MOST_POLLS; poll++) {
    const response = await getStored(probe, id)
    if (FINAL.includes(textAt(response, "status"))) return response
    await Bun.sleep(POLL_MS)
  }
  return fail(`expected the background response to end; it is open after ${MOST_POLLS} polls`)
}

async function startBackground(probe: Probe, extra: Record<string, unknown> = {}) {
  const answer = await ask(probe, { background: true, store: true, ...extra })
  if (!probe.target.is_ours && answer.status === 400) notApplicable("background responses are not offered")
  const response = readOk(answer)
  expectThat(Array.isArray(response.output), "output as a list, also while queued (sdk-wire 2)", response)
  const status = textAt(response, "status")
  expectThat(
    ["queued", "in_progress", ...FINAL].includes(status),
    "a status of a background response",
    status,
  )
  return response
}

const background_cases: Case[] = [
  {
    id: "responses.background",
    group,
    door,
    title: "runs a response in the background until polling shows it whole",
    model_calls: 1,
    async run(probe) {
      const { id } = await startBackground(probe)
      const ended = await pollUntilFinal(probe, String(id))
      expectEqual("id", ended.id, id)
      readWholeResponse(ended)
    },
  },
  {
    id: "responses.cancel",
    group,
    door,
    title: "cancels a background response, once and for good",
    model_calls: 1,
    async run(probe) {
      const input = "Count from one to five hundred in words."
      const { id } = await startBackground(probe, { input, max_output_tokens: 512 })
      const answer = await probe.ask(`${DOOR}/${id}/cancel`, { method: "POST" })
      expectOffered(probe, answer)
      const cancelled = readOk(answer)
      const status = textAt(cancelled, "status")
      // It may have ended before the cancel came.
      expectThat(FINAL.includes(status), "an ended response", cancelled)
      expectThat(Array.isArray(cancelled.output), "output as a list (sdk-wire 2)", cancelled)
      expectEqual("status afterwards", (await getStored(probe, String(id))).status, status)
    },
  },
]

/** What compaction gives: exactly one item that carries the conversation on. */
function expectCompaction(items: readonly unknown[]): void {
  const found = items.filter(item => valueAt(item, "type") === "compaction")
  expectEqual("compaction items", found.length, 1)
  expectThat(textAt(found[0], "encrypted_content") !== "", "encrypted_content in it", found[0])
}

async function expectCompacted(probe: Probe, answer: Answer): Promise<void> {
  expectOffered(probe, answer)
  const compacted = readOk(answer)
  expectEqual("object", compacted.object, "response.compaction")
  const output = listAt(compacted, "output")
  expectCompaction(output)
  const input = [...output, { role: "user", content: PROMPT }]
  readWholeResponse(readOk(await ask(probe, { input })))
}

const LONG_TALK = [
  { role: "user", content: "My name is Ada." },
  { role: "assistant", content: [{ type: "output_text", text: "Hello Ada." }] },
  { role: "user", content: "I like engines." },
]

const compaction_cases: Case[] = [
  {
    id: "responses.compact",
    group,
    door,
    title: "compacts a conversation, and continues from what it gave",
    model_calls: 2,
    async run(probe) {
      const body = { model: probe.target.model, input: LONG_TALK }
      await expectCompacted(probe, await probe.ask(`${DOOR}/compact`, { body }))
    },
  },
  {
    id: "responses.compact-stored",
    group,
    door,
    title: "compacts a stored response by its id",
    is_ours_only: true,
    model_calls: 3,
    async run(probe) {
      const { id } = await createStored(probe, { input: LONG_TALK })
      const body = { model: probe.target.model }
      await expectCompacted(probe, await probe.ask(`${DOOR}/${id}/compact`, { body }))
    },
  },
  {
    id: "responses.compaction-trigger",
    group,
    door,
    title:
      "answers a compaction_trigger with one compaction item, as the Codex CLI wants it (codex-cli-wire 7)",
    is_ours_only: true,
    model_calls: 1,
    async run(probe) {
      const input = [...LONG_TALK, { type: "compaction_trigger" }]
      const events = readResponsesStream(await ask(probe, { input, stream: true }))
      const done = events.filter(event => event.type === "response.output_item.done")
      expectCompaction(done.map(event => event.item))
    },
  },
]

export const STORED_RESPONSE_CASES: readonly Case[] = [
  ...object_cases,
  ...chain_cases,
  ...background_cases,
  ...compaction_cases,
]
