/** Small requests of each protocol: cheap, because on a real server they cost money. */
import type { Door } from "./case.ts"
import type { Target } from "./probe.ts"

/** Enough for a sentence. */
const TEXT_TOKENS = 64
/** Enough for some reasoning and one call. */
const CALL_TOKENS = 512

export const PROMPT = "Say hi."

/** A text request at a door; `extra` replaces or adds members. */
export function textRequest(
  door: Door,
  { model }: Pick<Target, "model">,
  extra: Record<string, unknown> = {},
): Record<string, unknown> {
  const messages = [{ role: "user", content: PROMPT }]
  switch (door) {
    case "/v1/responses":
      return { model, input: PROMPT, max_output_tokens: TEXT_TOKENS, ...extra }
    case "/v1/chat/completions":
      return { model, messages, max_completion_tokens: TEXT_TOKENS, ...extra }
    case "/v1/completions":
      return { model, prompt: PROMPT, max_tokens: TEXT_TOKENS, ...extra }
    case "/v1/messages":
      return { model, messages, max_tokens: TEXT_TOKENS, ...extra }
  }
}

/** What makes a model call the tool; the built-in demo calls a shell for these words too. */
export const CALL_PROMPT = "List the files here: call the tool once."

/** The tool of every case, by the protocol's own form of it. */
const TOOL_NAME = "shell_command"
const TOOL_DESCRIPTION = "Runs a shell command and returns what it prints."
const TOOL_PARAMETERS = {
  type: "object",
  properties: { command: { type: "string", description: "The command line" } },
  required: ["command"],
  additionalProperties: false,
}

export const RESPONSES_TOOL = {
  type: "function",
  name: TOOL_NAME,
  description: TOOL_DESCRIPTION,
  parameters: TOOL_PARAMETERS,
  strict: false,
}

export const CHAT_TOOL = {
  type: "function",
  function: { name: TOOL_NAME, description: TOOL_DESCRIPTION, parameters: TOOL_PARAMETERS },
}

export const MESSAGES_TOOL = {
  name: TOOL_NAME,
  description: TOOL_DESCRIPTION,
  input_schema: TOOL_PARAMETERS,
}

/** A request whose answer is a call of the tool. */
export function callRequest(
  door: Exclude<Door, "/v1/completions">,
  { model }: Pick<Target, "model">,
  extra: Record<string, unknown> = {},
): Record<string, unknown> {
  const messages = [{ role: "user", content: CALL_PROMPT }]
  switch (door) {
    case "/v1/responses": {
      const tools = [RESPONSES_TOOL]
      const input = CALL_PROMPT
      return { model, input, tools, tool_choice: "required", max_output_tokens: CALL_TOKENS, ...extra }
    }
    case "/v1/chat/completions": {
      const tools = [CHAT_TOOL]
      return { model, messages, tools, tool_choice: "required", max_completion_tokens: CALL_TOKENS, ...extra }
    }
    case "/v1/messages": {
      const tools = [MESSAGES_TOOL]
      return { model, messages, tools, tool_choice: { type: "any" }, max_tokens: CALL_TOKENS, ...extra }
    }
  }
}
