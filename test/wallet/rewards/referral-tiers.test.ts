/** Tiers: the highest that the number of paying customers reaches; who has everything back does not count. */
import { expect, test } from "bun:test"
import { countPaying, tierFor } from "../../../src/wallet/rewards/referral-tiers.ts"
import { openRewardStage } from "../../support/rewards.ts"

test("the highest tier that is reached is the one", () => {
  const tiers = [
    { min_customers: 0, percent: 5 },
    { min_customers: 5, percent: 8 },
    { min_customers: 20, percent: 10 },
  ]
  const percents = [0, 4, 5, 19, 20, 1_000].map(count => tierFor(tiers, count).percent)
  expect(percents).toEqual([5, 5, 8, 8, 10, 10])
})

test("customers count once, when they paid something that stands", async () => {
  const stage = await openRewardStage(4)
  const count = () => countPaying(stage.store.read, "cus_1")
  for (const customer of ["cus_2", "cus_3", "cus_4"]) await stage.bring(customer)
  expect(await count()).toBe(0)
  const first = await stage.buy({ customer_id: "cus_2" })
  expect(await count()).toBe(1)
  await stage.buy({ customer_id: "cus_3" })
  await stage.buy({ customer_id: "cus_3" })
  expect(await count()).toBe(2)
  await stage.buy({ customer_id: "cus_1", card: "card_1" })
  await stage.buy({ customer_id: "cus_4", card: "card_1" })
  expect(await count()).toBe(2)
  await stage.reverse(first, 999)
  expect(await count()).toBe(2)
  await stage.reverse(first, 1, { reversal_id: "re_2" })
  expect(await count()).toBe(1)
  await stage.giveBack("re_2")
  expect(await count()).toBe(2)
})
