/** Requests as the pipeline has read them, and a model with one route, for tests of what is made of them. */
import { type Asked, parseJson, readAsked } from "../../src/gateway/asked.ts"
import type { Model, Route } from "../../src/gateway/catalog/catalog.ts"
import type { Door } from "../../src/gateway/door.ts"
import { EASY_RATES } from "./wallet.ts"

/** A body as it came to a door. */
export const askedOf = (door: Door, text: string): Asked => readAsked(door, text, parseJson(text))

/** A model with this route. */
export const modelOf = (route: Route, different: Partial<Model> = {}): Model => ({
  id: "m",
  label: "M",
  description: "",
  owned_by: "us",
  context_window_tokens: 100_000,
  max_output_tokens: 32_000,
  reasoning_efforts: [],
  input_modalities: ["text"],
  priority: 1,
  created_at: 0,
  budget_model_id: null,
  rate_card: { id: "rc", model_id: "m", version: 1, ...EASY_RATES },
  routes: [route],
  ...different,
})
