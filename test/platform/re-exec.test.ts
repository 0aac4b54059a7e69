/** Starting anew with Bun's request limit raised: only the compiled executable does it. */
import { expect, test } from "bun:test"
import { raiseRequestLimit } from "../../src/platform/re-exec.ts"

test("in the source tree it does nothing: this process goes on", () => {
  const { pid } = process
  raiseRequestLimit({})
  expect(process.pid).toBe(pid)
})

test("with the variable set it does nothing", () => {
  expect(raiseRequestLimit({ BUN_CONFIG_MAX_HTTP_REQUESTS: "256" })).toBeUndefined()
})
