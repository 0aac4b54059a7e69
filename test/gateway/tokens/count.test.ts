/** Token counting over HTTP: free, for every model, with everything that the model would read. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { openScene, type Scene, saying } from "../stored/scene.ts"

const countResponse = async (scene: Scene, body: JsonObject): Promise<number> => {
  const answered = await scene.ask("POST", "/v1/responses/input_tokens", { model: "gpt-5.5", ...body })
  expect(answered.status).toBe(200)
  return answered.body.input_tokens as unknown as number
}

const countMessages = async (scene: Scene, body: JsonObject): Promise<number> => {
  const answered = await scene.ask("POST", "/v1/messages/count_tokens", { model: "claude-opus-4-8", ...body })
  expect(answered.status).toBe(200)
  return answered.body.input_tokens as unknown as number
}

describe("a Responses request", () => {
  test.each(["input_tokens", "count_tokens"])(
    "is counted at /%s in OpenAI's form, no model is asked",
    async path => {
      const scene = await openScene()
      const { body } = await scene.ask("POST", `/v1/responses/${path}`, {
        model: "gpt-5.5",
        input: "hello world",
      })
      expect(body).toEqual({ object: "response.input_tokens", input_tokens: 2 + 3 } as never)
      expect(scene.calls).toEqual([])
    },
  )

  test("counts instructions, tools, every item, pictures and files", async () => {
    const scene = await openScene()
    const plain = await countResponse(scene, { input: [{ role: "user", content: "hello world" }] })
    const more = async (body: JsonObject) => (await countResponse(scene, body)) - plain
    const user = { role: "user", content: "hello world" }
    expect(await more({ input: [user], instructions: "be kind and short" })).toBeGreaterThan(3)
    const tools = [{ type: "function", name: "shell", parameters: { type: "object", properties: {} } }]
    expect(await more({ input: [user], tools })).toBeGreaterThan(10)
    const call = { type: "function_call", call_id: "c", name: "shell", arguments: '{"command":["ls","-la"]}' }
    expect(await more({ input: [user, call] })).toBeGreaterThan(8)
    const image = { type: "input_image", image_url: `data:image/png;base64,${"A".repeat(100_000)}` }
    expect(await more({ input: [user, { role: "user", content: [image] }] })).toBeWithin(1_000, 2_000)
    const file = { type: "input_file", file_data: "A".repeat(120_000) }
    expect(await more({ input: [user, { role: "user", content: [file] }] })).toBeWithin(10_000, 15_000)
    const thought = { type: "reasoning", summary: [], encrypted_content: "A".repeat(4_000) }
    expect(await more({ input: [user, thought] })).toBeWithin(900, 1_100)
  })

  test("counts the conversation that it continues", async () => {
    const scene = await openScene()
    scene.play(saying("long words ".repeat(50)))
    const { id } = await scene.create({ input: "a" })
    const alone = await countResponse(scene, { input: "b" })
    expect((await countResponse(scene, { input: "b", previous_response_id: id })) - alone).toBeGreaterThan(
      100,
    )
  })

  test("needs no model and no input, and knows every name", async () => {
    const scene = await openScene()
    const bare = await scene.ask("POST", "/v1/responses/input_tokens", {})
    expect(bare.body).toEqual({ object: "response.input_tokens", input_tokens: 3 } as never)
    expect(await countResponse(scene, { model: "unheard-of", input: "hello world" })).toBe(4 + 3)
  })

  test.each([
    [{ model: 5 }, "model"],
    [{ input: 5 }, "input"],
    [{ previous_response_id: "resp_none" }, "previous_response_id"],
    [{ input: [{ type: "item_reference", id: "msg_none" }] }, "input[0].id"],
  ])("with %p is 400 naming %s", async (body, param) => {
    const scene = await openScene()
    const { status, body: refused } = await scene.ask("POST", "/v1/responses/input_tokens", body)
    expect({ status, param: refused.error.param }).toEqual({ status: 400, param })
  })
})

describe("a Messages request", () => {
  test("with tools, calls and results is counted and errs high", async () => {
    const scene = await openScene()
    const system = [{ type: "text", text: "You are a coding agent." }]
    const messages = [
      {
        role: "user",
        content: [{ type: "text", text: "read the file", cache_control: { type: "ephemeral" } }],
      },
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "t1", name: "Read", input: { path: "/a/b.ts" } }],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "const a = 1" }] },
    ]
    const tools = [{ name: "Read", description: "Reads a file", input_schema: { type: "object" } }]
    const counted = await countMessages(scene, { system, messages, tools })
    expect(counted).toBeWithin(60, 110)
  })

  test("counts a picture and a document at a fixed price, not by its bytes", async () => {
    const scene = await openScene()
    const source = { type: "base64", media_type: "image/png", data: "A".repeat(300_000) }
    const messages = [{ role: "user", content: [{ type: "image", source }] }]
    expect(await countMessages(scene, { messages })).toBeWithin(1_500, 2_000)
  })

  test.each(["claude-haiku-4-5", "gpt-5.5", "unheard-of"])("is 200 for %s", async model => {
    const scene = await openScene()
    expect(
      await countMessages(scene, { model, messages: [{ role: "user", content: "hi" }] }),
    ).toBeGreaterThan(3)
  })

  test("without messages is 400 naming it", async () => {
    const scene = await openScene()
    const { status, body } = await scene.ask("POST", "/v1/messages/count_tokens", { model: "m" })
    expect({ status, param: body.error.param }).toEqual({ status: 400, param: "messages" })
  })
})

describe("every path", () => {
  const PATHS = ["/v1/responses/input_tokens", "/v1/responses/count_tokens", "/v1/messages/count_tokens"]

  test.each(PATHS)("%s needs a key, a JSON object, and a place of its key", async path => {
    const scene = await openScene()
    expect((await scene.send("POST", path, {}, null)).status).toBe(401)
    for (const body of ["{", "[]", "5"]) expect((await scene.send("POST", path, body)).status).toBe(400)
    const leaves = Array.from({ length: 100 }, () => scene.needs.key_limits.enter(scene.mine.caller.key_id))
    expect((await scene.send("POST", path, { messages: [] })).status).toBe(429)
    for (const leave of leaves) leave()
    expect((await scene.send("POST", path, { messages: [] })).status).toBe(200)
  })
})
