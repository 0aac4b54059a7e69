/** Upstreams as writers of requests see them, for tests. */
import type { Route, Upstream } from "../../src/gateway/catalog/catalog.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import type { Target } from "../../src/gateway/protocol/target.ts"

/** A plain upstream of a protocol, with what a test says different. */
export const targetOf = (protocol: Protocol, different: Partial<Target> = {}): Target => ({
  protocol,
  upstream_id: "up",
  model: "m",
  quirks: new Set(),
  tool_name_length: 64,
  max_output_tokens: 32_000,
  reasoning_efforts: [],
  ...different,
})

/** A route to an upstream of the Responses protocol, with what a test says different. */
export const routeOf = (upstream: Partial<Upstream> = {}): Route => ({
  id: "rt_1",
  tier: 0,
  weight: 1,
  is_vip_only: false,
  upstream_model: "m",
  upstream: {
    id: "u",
    protocol: "openai-responses",
    base_url: "http://u.test",
    key: "",
    quirks: new Set(),
    tool_name_length: 64,
    max_concurrency: null,
    ...upstream,
  },
})
