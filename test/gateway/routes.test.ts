/** What the gateway's HTTP adds to the pipeline, over a socket. */
import { expect, test } from "bun:test"
import { createServer } from "../../src/server.ts"
import { openTestApp } from "../support/app.ts"
import { jsonAnswer } from "../support/fake-fetch.ts"
import { wholeTextTurn } from "../support/responses-turns.ts"

test("the limit of silence holds for the upload and for refusals, and is lifted for an answer", async () => {
  await using app = await openTestApp()
  const { key } = await app.createCustomer()
  const listening = createServer(app.app).listen({ port: 0, hostname: "127.0.0.1" })
  const server = listening.server!
  const lifted: number[] = []
  server.timeout = (_, seconds) => void lifted.push(seconds)
  const ask = async (bearer: string) => {
    const answer = await fetch(`${server.url}v1/responses`, {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-5.5", input: "hi", max_output_tokens: 16 }),
    })
    await answer.text()
    return answer.status
  }
  expect(await ask("wrong")).toBe(401)
  expect(lifted).toEqual([])
  app.upstream.play(jsonAnswer(wholeTextTurn("hello", { input: 10, output: 2 })))
  expect(await ask(key)).toBe(200)
  expect(lifted).toEqual([0])
  await listening.stop(true)
})
