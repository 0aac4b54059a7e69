/** Expectations: what they throw says what was expected and what came, in one short line. */
import { expect, test } from "bun:test"
import { expectEqual, expectThat, Finding, fail, notApplicable } from "../../src/conformance/finding.ts"

test("an expectation that holds says nothing", () => {
  expectThat(true, "anything", 1)
  expectEqual("a list", [{ a: 1 }], [{ a: 1 }])
})

test("one that does not says what was expected and what came", () => {
  expect(() => expectThat(false, "an id", { a: 1 })).toThrow('expected an id; came {"a":1}')
  expect(() => expectEqual("status", 500, 200)).toThrow("expected status to be 200; came 500")
  expect(() => expectThat(false, "an id", undefined)).toThrow("came nothing")
  expect(() => expectThat(false, "an id", "")).toThrow("came nothing")
})

test("is one line, and short, whatever came", () => {
  const long = `${"x\n".repeat(1000)}`
  try {
    fail("never mind")
  } catch (error) {
    // Thrown on purpose: its class is looked at.
    expect(error).toBeInstanceOf(Finding)
  }
  let message = ""
  try {
    expectThat(false, "a word", long)
  } catch (error) {
    // Thrown on purpose: its message is looked at.
    message = (error as Finding).message
  }
  expect(message).not.toContain("\n")
  expect(message.length).toBeLessThan(350)
})

test("a failure and what does not apply are told apart", () => {
  expect(() => fail("broken")).toThrow(expect.objectContaining({ result: "FAIL", message: "broken" }))
  expect(() => notApplicable("absent")).toThrow(expect.objectContaining({ result: "n/a", message: "absent" }))
})
