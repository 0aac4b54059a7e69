/** Counters, gauges and histograms in Prometheus form; ids never become labels. */
import { Counter, Gauge, Histogram, Registry } from "prom-client"

export type Metrics = ReturnType<typeof createMetrics>

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    requests: new Counter({
      name: "codexapi_requests_total",
      help: "Metered requests by how they ended.",
      labelNames: ["model", "end_reason"],
      registers,
    }),
    refused: new Counter({
      name: "codexapi_refused_total",
      help: "Requests refused before any upstream was asked.",
      labelNames: ["reason"],
      registers,
    }),
    tokens: new Counter({
      name: "codexapi_tokens_total",
      help: "Tokens charged, by kind.",
      labelNames: ["model", "kind"],
      registers,
    }),
    route_failures: new Counter({
      name: "codexapi_route_failures_total",
      help: "Attempts on an upstream that failed.",
      labelNames: ["upstream", "failure"],
      registers,
    }),
    stream_violations: new Counter({
      name: "codexapi_stream_violations_total",
      help: "Broken laws of the client's protocol in answers that were checked (one in 64).",
      labelNames: ["protocol"],
      registers,
    }),
    mail: new Counter({
      name: "codexapi_mail_total",
      help: "Mail by how it ended: sent, failed or unknown.",
      labelNames: ["state"],
      registers,
    }),
    reconciliation_differences: new Gauge({
      name: "codexapi_reconciliation_differences",
      help: "Open differences between our books and those of Stripe or an upstream.",
      labelNames: ["source"],
      registers,
    }),
    first_output: new Histogram({
      name: "codexapi_first_output_seconds",
      help: "Time from the request to the first output.",
      buckets: SECONDS,
      registers,
    }),
  }
}
