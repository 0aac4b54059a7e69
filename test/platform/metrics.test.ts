/** Metrics: their names, and that no label can hold an id. */
import { expect, test } from "bun:test"
import { createMetrics } from "../../src/platform/metrics.ts"

test("they are shown in Prometheus's text form", async () => {
  const metrics = createMetrics()
  metrics.requests.inc({ model: "gpt-5.5", end_reason: "completed" })
  expect(await metrics.registry.metrics()).toContain(
    'codexapi_requests_total{model="gpt-5.5",end_reason="completed"} 1',
  )
})

test("two servers in one process count apart", async () => {
  createMetrics().refused.inc({ reason: "invalid" })
  expect(await createMetrics().registry.metrics()).not.toContain('reason="invalid"')
})

test("labels are names of few values, never ids of customers, keys or requests", async () => {
  const { registry } = createMetrics()
  const labels = registry
    .getMetricsAsArray()
    .flatMap(metric => (metric as unknown as { labelNames: string[] }).labelNames)
  expect(new Set(labels)).toEqual(
    new Set(["model", "end_reason", "reason", "kind", "upstream", "failure", "protocol", "state", "source"]),
  )
})
