/** The operator's commands for other names of models. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { openTestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const add = (alias: string, model: string) => [`--alias=${alias}`, "--model", model]

describe("another name", () => {
  test("leads to its model at once, and to another when it is added again", async () => {
    await using app = await openTestApp()
    expect(await runForRecord(app, "model alias add", ...add("my-model", "gpt-5.5"))).toEqual({
      alias: "my-model",
      model: "gpt-5.5",
      leadsTo: "gpt-5.5",
    })
    await runCommand(app, "model alias add", ...add("my-model", "gpt-5.4"))
    expect(app.app.catalog.find("my-model")?.id).toBe("gpt-5.4")
  })

  test("with * at its end takes every name that begins so, e.g. Claude Code's small model", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model alias add", ...add("claude-haiku-*", "gpt-5.4-mini"))
    expect(app.app.catalog.find("claude-haiku-9")?.id).toBe("gpt-5.4-mini")
  })

  test("that is a served model's own leads to that model, and the answer says so", async () => {
    await using app = await openTestApp()
    expect(await runForRecord(app, "model alias add", ...add("gpt-5.4", "gpt-5.5"))).toMatchObject({
      model: "gpt-5.5",
      leadsTo: "gpt-5.4",
    })
  })

  test("is listed, with whether its model is served", async () => {
    await using app = await openTestApp()
    const listed = (await runCommand(app, "model alias list")) as Record<string, unknown>[]
    expect(listed).toContainEqual({ alias: "openai/gpt-5.5", model: "gpt-5.5", isServed: true })
    expect(listed).toContainEqual({ alias: "deepseek-chat", model: "deepseek-flash", isServed: false })
  })

  test("removed leads nowhere", async () => {
    await using app = await openTestApp()
    await runCommand(app, "model alias add", ...add("my-model", "gpt-5.5"))
    const removed = await runForRecord(app, "model alias remove", "--alias", "my-model")
    expect(removed).toEqual({ alias: "my-model", removed: true })
    expect(app.app.catalog.find("my-model")).toBeUndefined()
  })
})

describe("what is refused", () => {
  test.each([
    [add("a*b", "gpt-5.5"), '--alias may have a * only at its end, not "a*b"'],
    [add("**", "gpt-5.5"), "--alias may have a * only at its end"],
    [add("", "gpt-5.5"), "--alias may have a * only at its end"],
    [add("a", "nothing"), "there is no model nothing; `codexapi admin model list` shows them"],
  ])("adding %j: %s", async (words, message) => {
    await using app = await openTestApp()
    const added = runCommand(app, "model alias add", ...words)
    await expect(added).rejects.toBeInstanceOf(UsageError)
    await expect(added).rejects.toThrow(message)
  })

  test("removing one that is not there", async () => {
    await using app = await openTestApp()
    const removed = runCommand(app, "model alias remove", "--alias", "nothing")
    await expect(removed).rejects.toBeInstanceOf(UsageError)
    await expect(removed).rejects.toThrow(
      "there is no alias nothing; `codexapi admin model alias list` shows",
    )
  })
})
