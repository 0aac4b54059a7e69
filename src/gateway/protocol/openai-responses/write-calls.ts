/** Writes client tool calls and hosted calls as items, and closes what is open before the next; no text. */
import type { JsonObject } from "../json.ts"
import { present } from "../json.ts"
import type { ToolKind } from "../model-request.ts"
import type { Draft, OpenCall } from "./draft.ts"
import { addItem, emitInside, finishItem, nextItemId } from "./draft.ts"
import type { WireOutputItem, WireStatus } from "./wire.ts"
import { searchArguments } from "./write-items.ts"

interface CallStart {
  tool: ToolKind
  call_id: string
  name: string
  namespace?: string
}

/** Opens a call; name and namespace stay apart (codex-cli-wire 0.10). */
export function openCall(draft: Draft, start: CallStart): void {
  closeOpen(draft, "completed")
  addItem(draft, { kind: "call", item: emptyCall(draft, start), text: "" })
}

function emptyCall(draft: Draft, start: CallStart): OpenCall["item"] {
  const { call_id, name, namespace } = start
  const status = "in_progress" as const
  if (start.tool === "tool_search") {
    const id = nextItemId(draft, "tsc")
    return { type: "tool_search_call", id, call_id, execution: "client", arguments: {}, status }
  }
  if (start.tool === "custom") {
    const id = nextItemId(draft, "ctc")
    return present({ type: "custom_tool_call" as const, id, call_id, name, namespace, input: "", status })
  }
  const id = nextItemId(draft, "fc")
  return present({ type: "function_call" as const, id, call_id, name, namespace, arguments: "", status })
}

/** A piece of the arguments, byte for byte. A tool search has no such event: its arguments are an object. */
export function writeArguments(draft: Draft, text: string): void {
  const { open } = draft.state
  if (open?.kind !== "call") return
  draft.state.open = { ...open, text: open.text + text }
  if (open.item.type === "function_call") {
    emitInside(draft, "response.function_call_arguments.delta", { delta: text })
  }
  if (open.item.type === "custom_tool_call") {
    emitInside(draft, "response.custom_tool_call_input.delta", { delta: text })
  }
}

/** Ends the open call; one that was cut says so in its status. */
export function closeCall(draft: Draft, is_cut: boolean): void {
  const { open } = draft.state
  if (open?.kind !== "call") return
  const status = is_cut ? "incomplete" : "completed"
  const { item, text } = open
  if (item.type === "function_call") {
    emitInside(draft, "response.function_call_arguments.done", { name: item.name, arguments: text })
    finishItem(draft, { ...item, arguments: text, status })
  } else if (item.type === "custom_tool_call") {
    emitInside(draft, "response.custom_tool_call_input.done", { input: text })
    finishItem(draft, { ...item, input: text, status })
  } else {
    finishItem(draft, { ...item, arguments: searchArguments(text), status })
  }
}

/** Opens an item for work of the upstream's own server. */
export function openHosted(draft: Draft, call_type: string): void {
  closeOpen(draft, "completed")
  const id = nextItemId(draft, call_type === "web_search_call" ? "ws" : "item")
  addItem(draft, { kind: "hosted", item: { type: call_type, id, status: "in_progress" } })
  if (call_type !== "web_search_call") return
  emitInside(draft, "response.web_search_call.in_progress", {})
  emitInside(draft, "response.web_search_call.searching", {})
}

/** Ends it with what the upstream said, under our id. */
export function closeHosted(draft: Draft, raw: JsonObject & { type: string }): void {
  const { open } = draft.state
  if (open?.kind !== "hosted") return
  if (open.item.type === "web_search_call") emitInside(draft, "response.web_search_call.completed", {})
  finishItem(draft, { ...raw, id: open.item.id } as WireOutputItem)
}

/**
 * Closes the open item, if any, so that items never overlap. Legal events leave only a message open here; the
 * others are closed too, because a client waits for ever for an item that is not done.
 */
export function closeOpen(draft: Draft, status: WireStatus): void {
  const { open } = draft.state
  if (open?.kind === "call") closeCall(draft, true)
  if (open?.kind === "hosted") closeHosted(draft, { ...open.item, status: "incomplete" })
  if (open?.kind === "message") finishItem(draft, { ...open.item, status })
  if (open?.kind === "reasoning") finishItem(draft, open.item)
}
