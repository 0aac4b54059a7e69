/** Refusals as OpenAI's clients and as the Codex CLI read them. */
import { describe, expect, test } from "bun:test"
import { validateResponsesStream } from "../../../support/validate-stream.ts"
