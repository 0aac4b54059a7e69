/** GET /api/v1/vip, as a table. */
import { describe } from "bun:test"
import { accessRows, type Row, testRows } from "../../support/route-table.ts"

const path = "/api/v1/vip"
const row = (name: string, query: string, expected: Omit<Row, "name" | "ask">): Row => ({
  name,
  ask: ({ mine }) => ({ path: `${path}${query}`, key: mine.key }),
  ...expected,
})

describe("reading VIP Priority", () => {
  testRows([
    ...accessRows(path),
    row("says that it is off, and what can be bought", "", {
      status: 200,
      body: () => ({
        isVip: false,
        until: null,
        reasons: [],
        plans: [
          { id: "vip-30", vipDays: 30 },
          { id: "vip-365", vipDays: 365 },
        ],
      }),
    }),
    {
      name: "of another customer shows nothing: a parameter changes nothing",
      ask: ({ mine, other }) => ({ path: `${path}?customerId=${other.id}`, key: mine.key }),
      status: 200,
      body: () => ({ isVip: false }),
    },
  ])
})
