/** Writes one step of the assistant with the results of its calls; which items make a step is said here too. */
import { present } from "../json.ts"
import type { Item, MessageItem, ReasoningItem, ToolCallItem, ToolResultItem } from "../model-request.ts"
import type { Target } from "../target.ts"
import type { WireCall, WireMessage, WirePart } from "./wire.ts"
import { isText, joinTexts, writeParts } from "./write-parts.ts"

/** What the assistant thought, said and called before anybody answered. */
export type StepItem = MessageItem | ReasoningItem | ToolCallItem

export interface Step {
  items: readonly StepItem[]
  /** The result of each call of the whole history. */
  results: Map<ToolCallItem, ToolResultItem>
}

/** Whether an item is part of a step of the assistant; hosted calls and raw items neither are nor end one. */
export function isStepItem(item: Item): item is StepItem {
  return (
    item.kind === "reasoning" ||
    item.kind === "tool-call" ||
    (item.kind === "message" && item.role === "assistant")
  )
}

/** One assistant message and its results in the order of the calls; pictures of results follow as the user's. */
export function writeStep({ items, results }: Step, target: Target): WireMessage[] {
  const said = items.flatMap(item => (item.kind === "message" ? writeParts(item.parts, target) : []))
  const calls = items.filter(item => item.kind === "tool-call" && item.tool === "function") as ToolCallItem[]
  const text = joinTexts(said)
  if (text === "" && calls.length === 0) return []
  const turns =
    target.quirks.has("no-parallel-tools") && calls.length > 1 ? calls.map(each => [each]) : [calls]
  return turns.flatMap((turn, index) => {
    const opening =
      index === 0 ? { text, thought: thoughtOf(items, target) } : { text: "", thought: undefined }
    const answers = turn.flatMap(call => results.get(call) ?? [])
    return [assistantMessage(opening, turn), ...resultMessages(answers, target)]
  })
}

interface Opening {
  text: string
  thought: string | undefined
}

/** `content` is null beside calls, never "" (several upstreams refuse empty text). */
function assistantMessage({ text, thought }: Opening, calls: readonly ToolCallItem[]): WireMessage {
  const message = {
    role: "assistant" as const,
    content: text === "" ? null : text,
    reasoning_content: thought,
    tool_calls: calls.length === 0 ? undefined : calls.map(writeCall),
  }
  return present(message)
}

/** Quirk reasoning-content: DeepSeek refuses a later step of a turn whose thinking is missing (gateway.md). */
function thoughtOf(items: readonly StepItem[], { quirks }: Target): string | undefined {
  if (!quirks.has("reasoning-content")) return undefined
  const thoughts = items.flatMap(item => (item.kind === "reasoning" ? item.text : []))
  return thoughts.length === 0 ? undefined : thoughts.join("\n\n")
}

/** Arguments to the byte; no arguments at all are `{}` (gateway.md, Tools). */
function writeCall({ call_id, name, arguments: text }: ToolCallItem): WireCall {
  const whole = text.trim() === "" ? "{}" : text
  return { id: call_id, type: "function", function: { name, arguments: whole } }
}

/** The answers of tools. Their messages are text only: pictures and files follow them (codex-cli-wire 10.8). */
export function resultMessages(results: readonly ToolResultItem[], target: Target): WireMessage[] {
  const shown: WirePart[] = []
  const messages = results.map(({ call_id, output }): WireMessage => {
    const parts: WirePart[] =
      typeof output === "string" ? [{ type: "text", text: output }] : writeParts(output, target)
    const others = parts.filter(part => !isText(part))
    if (others.length > 0)
      shown.push({ type: "text", text: `[Shown by the tool call ${call_id}:]` }, ...others)
    const text = joinTexts(parts)
    const content = text === "" && others.length > 0 ? "[Shown in the next message.]" : text
    return { role: "tool", tool_call_id: call_id, content }
  })
  return shown.length === 0 ? messages : [...messages, { role: "user", content: shown }]
}
