/** Rewards: check-ins and shares, claimed once; commissions, paid when they are due. */
import type { AppError } from "../../src/platform/errors.ts"
import { claimCheckIn } from "../../src/wallet/rewards/check-in.ts"
import { payDueCommissions } from "../../src/wallet/rewards/commission.ts"
import { claimShare } from "../../src/wallet/rewards/share-credit.ts"
import { launch } from "./launch.ts"
import { assertThat, type Customer } from "./oracle.ts"
import { isPayable, listDue, payOut } from "./oracle-commissions.ts"
import { claimFor, reward, type Wanted } from "./oracle-rewards.ts"
import type { Needs, Operation, World } from "./world.ts"

const DEVICES = ["phone", "laptop"]
/** Addresses, with what tells one post from another. */
const POSTS = [
  { url: "https://x.com/a/status/11111", proof: "x.com/11111" },
  { url: "https://x.com/a/status/11111?s=20", proof: "x.com/11111" },
  { url: "https://x.com/b/status/22222", proof: "x.com/22222" },
]

/** Claims today's check-in, or the share credit. */
export function claim(world: World, customer: Customer, rule: Wanted["rule"]): void {
  const { oracle, random, now } = world
  const device = random.chance(0.5) ? random.pick(DEVICES) : null
  const post = rule === "share" ? random.pick(POSTS) : undefined
  const proof = post?.proof ?? null
  const wanted: Wanted = { customer, rule, device: device && `hash of device:${device}`, proof }
  launch<unknown>(world, {
    what: `claim ${rule} for ${customer.id} on ${device} with ${proof}`,
    call: needs => ask(needs, { customer, rule, device, post_url: post?.url ?? "" }),
    foresee() {
      const claimed = claimFor(oracle, now, wanted)
      return "refusal" in claimed ? claimed : { follow: () => reward(oracle, claimed) }
    },
    isRefusal: (error, operation) => isRightRefusal(world, { now, wanted, error, operation }),
  })
}

const REFUSALS = new Set([
  "already_claimed",
  "mailbox_used",
  "device_used",
  "card_used",
  "post_already_claimed",
])

interface Refused {
  now: number
  wanted: Wanted
  error: AppError
  operation: Operation
}

/** Before its job a claim may be refused by what another one has written and not committed yet. */
function isRightRefusal({ oracle }: World, { now, wanted, error, operation }: Refused): boolean {
  const code = error.detail.code ?? ""
  if (!operation.is_alone) return REFUSALS.has(code)
  const claimed = claimFor(oracle, now, wanted)
  return "refusal" in claimed && claimed.refusal === code
}

interface Asked {
  customer: Customer
  rule: Wanted["rule"]
  device: string | null
  post_url: string
}

function ask(needs: Needs, { customer, rule, device, post_url }: Asked): Promise<unknown> {
  const input = {
    customer_id: customer.id,
    device_id: device ?? undefined,
    turnstile_token: undefined,
    address: "127.0.0.1",
  }
  const remember = async () => {}
  return rule === "share"
    ? claimShare(needs, { ...input, post_url }, remember)
    : claimCheckIn(needs, input, remember)
}

/** Pays what is due by now; twice at once now and then. What it finds it reads before its jobs run. */
export function payCommissions(world: World): void {
  const { oracle, now } = world
  // The process reads on the writer's connection here, which shows what may yet be undone.
  if (!oracle.journal.is_empty || world.running_count > 0) return
  const due = listDue(oracle, now)
  let paid_count = 0
  launch<number>(world, {
    what: `pay ${due.length} commissions`,
    call: payDueCommissions,
    foresee(number) {
      const commission = due[number]!
      const is_payable = isPayable(oracle, commission)
      return {
        check: value =>
          assertThat(
            value === is_payable,
            () => `payout of ${commission.purchase.id} should be ${is_payable}`,
          ),
        follow() {
          if (is_payable) paid_count += 1
          if (commission.state === "pending") payOut(oracle, commission)
        },
      }
    },
    answered: count => assertThat(count === paid_count, () => `paid ${count} of ${paid_count} commissions`),
  })
}
