/** Tests of the MCP server for real clients: it speaks the protocol line by line. */
import { expect, test } from "bun:test"
import { join } from "node:path"

test("introduces itself, lists its tool, adds, and refuses what it does not know", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "mcp-server.ts")], {
    stdin: "pipe",
    stdout: "pipe",
  })
  const calls = [
    { id: 1, method: "initialize", params: { protocolVersion: "2025-06-18" } },
    { method: "notifications/initialized" },
    { id: 2, method: "tools/list" },
    { id: 3, method: "tools/call", params: { name: "add_numbers", arguments: { a: 40, b: 2 } } },
    { id: 4, method: "resources/list" },
  ]
  for (const call of calls) child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...call })}\n`)
  await child.stdin.end()
  const answers = (await child.stdout.text())
    .trim()
    .split("\n")
    .map(line => JSON.parse(line))
  expect(answers).toMatchObject([
    { id: 1, result: { serverInfo: { name: "demo" }, protocolVersion: "2025-06-18" } },
    { id: 2, result: { tools: [{ name: "add_numbers" }] } },
    { id: 3, result: { content: [{ text: "the sum is 42" }] } },
    { id: 4, error: { code: -32601 } },
  ])
})
