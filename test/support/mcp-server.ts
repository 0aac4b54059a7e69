/** A stdio MCP server with one tool, `add_numbers`, for real clients to start; it is run, never imported. */
import { createInterface } from "node:readline"

interface Call {
  id?: number | string
  method: string
  params?: { protocolVersion?: string; arguments?: { a: number; b: number } }
}

const tool = {
  name: "add_numbers",
  description: "Adds two numbers.",
  inputSchema: {
    type: "object",
    properties: { a: { type: "number" }, b: { type: "number" } },
    required: ["a", "b"],
  },
}

/** The result of one call, or undefined for what this server does not offer. */
function resultOf({ method, params }: Call): object | undefined {
  const { a = 0, b = 0 } = params?.arguments ?? {}
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: params?.protocolVersion ?? "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: "demo", version: "1.0.0" },
    },
    ping: {},
    "tools/list": { tools: [tool] },
    "tools/call": { content: [{ type: "text", text: `the sum is ${a + b}` }], isError: false },
  }
  return results[method]
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    const call = JSON.parse(line) as Call
    if (call.id === undefined) continue
    const result = resultOf(call)
    const error = { code: -32601, message: `no method ${call.method}` }
    const answer = { jsonrpc: "2.0", id: call.id, ...(result ? { result } : { error }) }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
}
