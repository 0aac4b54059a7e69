/** What the stub of another vendor's server says: small correct answers of each protocol, written by hand. */

export interface Said {
  model: string
  /** A call of the tool instead of a text. */
  is_call: boolean
  /** Distinguishes the ids of one answer from those of the others. */
  serial: number
  input_tokens: number
  output_tokens: number
  /** The limit of the request ended the text. */
  is_cut?: boolean
}

export const TEXT = "Hi there."
const ARGUMENTS = '{"command":"ls"}'
const NAME = "shell_command"
const CREATED = 1_760_000_000

const openAiUsage = ({ input_tokens, output_tokens }: Said) => ({
  prompt_tokens: input_tokens,
  completion_tokens: output_tokens,
  total_tokens: input_tokens + output_tokens,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
})

// ── Responses ──

const responsesUsage = ({ input_tokens, output_tokens }: Said) => ({
  input_tokens,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: input_tokens + output_tokens,
})

const part = (text: string) => ({ type: "output_text", text, annotations: [] })

const responseItem = ({ is_call, serial }: Said, status = "completed") =>
  is_call
    ? {
        id: `fc_${serial}`,
        type: "function_call",
        call_id: `call_${serial}`,
        name: NAME,
        arguments: ARGUMENTS,
      }
    : { id: `msg_${serial}`, type: "message", role: "assistant", status, content: [part(TEXT)] }

export function wholeResponse(said: Said): Record<string, unknown> {
  const head = {
    id: `resp_${said.serial}`,
    object: "response",
    created_at: CREATED,
    status: said.is_cut ? "incomplete" : "completed",
  }
  const incomplete_details = said.is_cut ? { reason: "max_output_tokens" } : null
  return {
    ...head,
    incomplete_details,
    model: said.model,
    output: [responseItem(said)],
    usage: responsesUsage(said),
  }
}

export function responseEvents(said: Said): Record<string, unknown>[] {
  const whole = wholeResponse(said)
  const item = responseItem(said)
  const running = { ...whole, status: "in_progress", output: [], usage: null }
  const at = { item_id: item.id, output_index: 0 }
  const text = { ...at, content_index: 0 }
  const call = "response.function_call_arguments"
  const middle = said.is_call
    ? [
        { type: "response.output_item.added", output_index: 0, item: { ...item, arguments: "" } },
        { type: `${call}.delta`, ...at, delta: ARGUMENTS.slice(0, 4) },
        { type: `${call}.delta`, ...at, delta: ARGUMENTS.slice(4) },
        { type: `${call}.done`, ...at, arguments: ARGUMENTS },
      ]
    : [
        { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
        { type: "response.content_part.added", ...text, part: part("") },
        { type: "response.output_text.delta", ...text, delta: TEXT },
        { type: "response.output_text.done", ...text, text: TEXT },
        { type: "response.content_part.done", ...text, part: part(TEXT) },
      ]
  const events: Record<string, unknown>[] = [
    { type: "response.created", response: running },
    { type: "response.in_progress", response: running },
    ...middle,
    { type: "response.output_item.done", output_index: 0, item },
    { type: `response.${whole.status}`, response: whole },
  ]
  return events.map((event, sequence_number) => ({ ...event, sequence_number }))
}

// ── Chat Completions ──

const endOf = ({ is_cut }: Said): string => (is_cut ? "length" : "stop")

const chatCall = (serial: number, text: string) => ({
  id: `call_${serial}`,
  type: "function",
  function: { name: NAME, arguments: text },
})

export function wholeChat(said: Said): Record<string, unknown> {
  const { model, is_call, serial } = said
  const message = is_call
    ? { role: "assistant", content: null, tool_calls: [chatCall(serial, ARGUMENTS)] }
    : { role: "assistant", content: TEXT }
  const choices = [{ index: 0, message, finish_reason: is_call ? "tool_calls" : endOf(said) }]
  const head = { id: `chatcmpl-${serial}`, object: "chat.completion", created: CREATED, model }
  return { ...head, choices, usage: openAiUsage(said) }
}

export function chatChunks(said: Said, shows_usage: boolean): Record<string, unknown>[] {
  const { model, is_call, serial } = said
  const head = { id: `chatcmpl-${serial}`, object: "chat.completion.chunk", created: CREATED, model }
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  })
  const middle = is_call
    ? [
        chunk({ tool_calls: [{ index: 0, ...chatCall(serial, "") }] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: ARGUMENTS } }] }),
      ]
    : [chunk({ content: TEXT })]
  const ending = chunk({}, is_call ? "tool_calls" : endOf(said))
  const usage = shows_usage ? [{ ...head, choices: [], usage: openAiUsage(said) }] : []
  return [chunk({ role: "assistant", content: "" }), ...middle, ending, ...usage]
}

// ── legacy Completions ──

export function wholeCompletion(said: Said): Record<string, unknown> {
  const { model, serial } = said
  const choices = [{ index: 0, text: TEXT, logprobs: null, finish_reason: endOf(said) }]
  const head = { id: `cmpl-${serial}`, object: "text_completion", created: CREATED, model }
  return { ...head, choices, usage: openAiUsage(said) }
}

export function completionChunks(said: Said, shows_usage: boolean): Record<string, unknown>[] {
  const { usage, choices, ...head } = wholeCompletion(said)
  const chunk = (text: string, finish_reason: string | null) => ({
    ...head,
    choices: [{ index: 0, text, logprobs: null, finish_reason }],
  })
  const last = shows_usage ? [{ ...head, choices: [], usage }] : []
  return [chunk(TEXT, null), chunk("", endOf(said)), ...last]
}

// ── Messages ──

const messagesUsage = ({ input_tokens, output_tokens }: Said) => ({
  input_tokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens,
})

export function wholeMessage(said: Said): Record<string, unknown> {
  const { model, is_call, serial } = said
  const content = is_call
    ? [{ type: "tool_use", id: `toolu_${serial}`, name: NAME, input: JSON.parse(ARGUMENTS) }]
    : [{ type: "text", text: TEXT }]
  const head = { id: `msg_${serial}`, type: "message", role: "assistant", model, content }
  return {
    ...head,
    stop_reason: is_call ? "tool_use" : said.is_cut ? "max_tokens" : "end_turn",
    stop_sequence: null,
    usage: messagesUsage(said),
  }
}

export function messageEvents(said: Said): Record<string, unknown>[] {
  const { is_call, serial } = said
  const { content, stop_reason, ...head } = wholeMessage(said)
  const started = {
    ...head,
    content: [],
    stop_reason: null,
    usage: { ...messagesUsage(said), output_tokens: 1 },
  }
  const block = is_call
    ? { type: "tool_use", id: `toolu_${serial}`, name: NAME, input: {} }
    : { type: "text", text: "" }
  const deltas = is_call
    ? [ARGUMENTS.slice(0, 3), ARGUMENTS.slice(3)].map(text => ({
        type: "input_json_delta",
        partial_json: text,
      }))
    : [{ type: "text_delta", text: TEXT }]
  return [
    { type: "message_start", message: started },
    { type: "content_block_start", index: 0, content_block: block },
    ...deltas.map(delta => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: said.output_tokens },
    },
    { type: "message_stop" },
  ]
}
