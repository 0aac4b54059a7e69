/** Items as they are stored and sent on: with ids here, without them there, and nothing lost between. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { idsOf, isReference, itemsOf, namedItems, resent } from "../../../src/gateway/stored/items.ts"
import { pack, unpack } from "../../../src/gateway/stored/packing.ts"
import { checkProperty, checkPropertyAsync } from "../../support/property.ts"

const numbered = () => {
  let count = 0
  return (prefix: string) => `${prefix}_${++count}`
}

test("a text is one message of the user; anything but a list is no items", () => {
  const text = { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }
  expect(itemsOf("hi")).toEqual([text])
  expect(itemsOf([text])).toEqual([text])
  for (const nothing of [undefined, null, 5, {}]) expect(itemsOf(nothing)).toEqual([])
})

test.each([
  [{ role: "assistant", content: "x" }, "msg_1"],
  [{ type: "function_call" }, "fc_1"],
  [{ type: "custom_tool_call_output" }, "ctco_1"],
  [{ type: "web_search_call" }, "ws_1"],
  [{ type: "compaction" }, "cmp_1"],
  [{ type: "anything" }, "item_1"],
  [{ type: "message", id: "mine" }, "mine"],
  [{ type: "message", id: "" }, "msg_1"],
])("%p is listed as %s", (item, id) => {
  expect(namedItems([item], numbered())[0]).toMatchObject({ id })
})

test("the text of an assistant's message is a part of output, a user's of input", () => {
  const listed = namedItems(
    [
      { role: "assistant", content: "a" },
      { role: "user", content: "b" },
    ],
    numbered(),
  )
  expect(listed.map(item => item.content)).toEqual([
    [{ type: "output_text", text: "a" }],
    [{ type: "input_text", text: "b" }],
  ])
})

test.each([
  [{ type: "item_reference", id: "msg_1" }, true],
  [{ id: "msg_1" }, true],
  [{ type: null, id: "msg_1" }, true],
  [{ id: "msg_1", role: "user", content: "x" }, false],
  [{ type: "message", id: "msg_1" }, false],
  [{ type: "item_reference" }, false],
  [null, false],
  ["msg_1", false],
])("%p is a reference: %p", (item, is_reference) => {
  expect(isReference(item)).toBe(is_reference)
})

test("what is sent on is what was sent, whatever ids it was given between", () => {
  const items = fc.array(
    fc.record({ type: fc.constantFrom("function_call", "custom_tool_call"), name: fc.string() }),
  )
  checkProperty(import.meta.path, items, list => {
    const named = namedItems(list, numbered())
    expect(idsOf(named)).toHaveLength(list.length)
    expect(resent(named)).toEqual(list)
  })
})

test("packing gives back every JSON, smaller when it repeats itself", async () => {
  await checkPropertyAsync(import.meta.path, fc.jsonValue(), async value => {
    const { packed, size_bytes } = await pack(value)
    expect(await unpack(packed)).toEqual(JSON.parse(JSON.stringify(value)))
    expect(size_bytes).toBe(Buffer.byteLength(JSON.stringify(value)))
  })
  expect((await pack("word ".repeat(10_000))).packed.length).toBeLessThan(500)
})
