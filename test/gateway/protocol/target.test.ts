/** How the effort that a client asks for becomes a word that the model knows. */
import { expect, test } from "bun:test"
import { effortAsked, nearestEffort } from "../../../src/gateway/protocol/target.ts"

test("an effort is asked for by its word, else by the budget of thinking", () => {
  expect(effortAsked({ effort: "max", budget_tokens: 1 })).toBe("max")
  const budgets = [1, 4096, 4097, 16_384, 16_385]
  const words = ["low", "low", "medium", "medium", "high"]
  expect(budgets.map(budget_tokens => effortAsked({ budget_tokens }))).toEqual(words)
  expect(effortAsked({ summary: "auto" })).toBeUndefined()
})

test("a word that the model does not know becomes its nearest, the stronger of two", () => {
  expect(nearestEffort("xhigh", ["low", "high"])).toBe("high")
  expect(nearestEffort("medium", ["low", "high"])).toBe("high")
  expect(nearestEffort("ultra", ["minimal", "low"])).toBe("low")
})

test("an unknown word, no word and a model of unknown efforts pass as they are", () => {
  expect(nearestEffort("odd", ["low"])).toBe("odd")
  expect(nearestEffort(undefined, ["low"])).toBeUndefined()
  expect(nearestEffort("high", [])).toBe("high")
})
