/** The presets: what each says of its upstream, and that it agrees with the rest of the catalogue. */
import { describe, expect, test } from "bun:test"
import { PROTOCOLS, readQuirks } from "../../../src/gateway/catalog/catalog.ts"
import { PRESET_NAMES, PRESETS } from "../../../src/gateway/catalog/presets.ts"
import { VENDORS } from "../../../src/platform/config.ts"

describe("a preset", () => {
  test.each([
    ["openai", "openai-responses", "https://api.openai.com/v1", []],
    ["anthropic", "anthropic-messages", "https://api.anthropic.com/v1", []],
    [
      "deepseek",
      "openai-chat",
      "https://api.deepseek.com/v1",
      ["reasoning-content", "no-images", "no-web-search"],
    ],
    ["openrouter", "openai-responses", "https://openrouter.ai/api/v1", []],
    ["compatible", "openai-chat", undefined, ["system-first", "no-web-search"]],
    ["vllm", "openai-chat", "http://127.0.0.1:8000/v1", ["system-first", "no-web-search"]],
    ["llama-cpp", "openai-chat", "http://127.0.0.1:8080/v1", ["system-first", "no-web-search"]],
    ["ollama", "openai-chat", "http://127.0.0.1:11434/v1", ["system-first", "no-web-search"]],
  ] as const)("%s speaks %s at %p with %j", (name, protocol, base_url, quirks) => {
    expect(PRESETS[name]).toMatchObject({ protocol, quirks: [...quirks] })
    expect(PRESETS[name].base_url).toBe(base_url as string)
  })

  test("names a protocol that is spoken and quirks that are known", () => {
    for (const { protocol, quirks } of Object.values(PRESETS)) {
      expect(PROTOCOLS).toContain(protocol)
      expect(readQuirks(quirks)).toEqual([...quirks])
    }
  })

  test("is there for every vendor of the environment, and serves something", () => {
    for (const { id } of VENDORS) expect(Object.keys(PRESETS[id].models)).not.toBeEmpty()
    expect(Object.keys(PRESETS)).toEqual([...PRESET_NAMES])
  })

  test("of a server that runs anything serves nothing by itself", () => {
    expect(PRESETS.compatible.models).toEqual({})
    expect(PRESETS.ollama.models).toEqual({})
  })
})
