/** GET /api/v1/me, as a table. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../../support/app.ts"
import { accessRows, testRows } from "../../support/route-table.ts"

const path = "/api/v1/me"

describe("reading myself", () => {
  testRows([
    ...accessRows(path),
    {
      name: "gives the customer, both wallets and the CLI's settings, and nothing else",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      after: ({ mine }, { body }) => {
        expect(body).toEqual({
          customer: { id: mine.id, email: mine.email, createdAt: "2026-01-02T03:04:05.001Z" },
          wallet: {
            currency: "USD",
            balanceUsd: "10.00",
            heldUsd: "0.00",
            availableUsd: "10.00",
            isLow: false,
            isFrozen: false,
          },
          cashWallet: { currency: "USD", balanceUsd: "0.00", debtUsd: "0.00" },
          cli: {
            providerId: "codexapi",
            providerName: "CodexAPI.pro",
            baseUrl: "http://localhost/v1",
            envKey: "CODEXAPI_CODEX_API_KEY",
            wireApi: "responses",
            officialCliVersion: "0.142.2",
          },
        })
      },
    },
    {
      name: "works with the System Token too",
      ask: ({ mine }) => ({ path, key: mine.system_token }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id } }),
    },
    {
      name: "works with x-api-key too",
      ask: ({ mine }) => ({ path, headers: { "x-api-key": mine.key } }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id } }),
    },
    {
      name: "ignores whom the query names",
      ask: ({ mine, other }) => ({ path: `${path}?customerId=${other.id}&id=${other.id}`, key: mine.key }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id } }),
    },
  ])
})

test("a configured public address stands in the CLI's settings, not where the request came in", async () => {
  await using app = await openTestApp({
    env: { CODEXAPI_PUBLIC_URL: "https://api.example.com/", CODEXAPI_BRAND_NAME: "Mine" },
  })
  const { key } = await app.createCustomer()
  const { cli } = await app.sendJson(path, { key })
  expect(cli).toMatchObject({ baseUrl: "https://api.example.com/v1", providerName: "Mine" })
})
