/** Everything that can happen in a simulated run, and how often. */
import { adjust, postLinked, setFrozen } from "./adjusting.ts"
import { endRequest, pickOutcome } from "./ending.ts"
import { deliver, extend } from "./extending.ts"
import { armCrash, armFault, assertLaws, crash, recoverAlive } from "./failing.ts"
import { firstHold, openRequest, pickWish, type Wish } from "./opening.ts"
import { assertThat, type Customer, freeOf, type Request } from "./oracle.ts"
import { CARDS } from "./prices.ts"
import { settleDown, type World } from "./world.ts"

interface Action {
  name: string
  /** How often, of about 180. */
  weight: number
  act(world: World): void | Promise<void>
}

const NANOS_PER_USD = 1_000_000_000

const pickCustomer = ({ random, oracle }: World): Customer => random.pick(oracle.customers)

/** Does something with a request of this process that fits, if there is one. */
function withRequest(
  world: World,
  fits: (request: Request) => boolean,
  act: (request: Request) => void,
): void {
  const fitting = world.oracle.requests.filter(request => request.meter && fits(request))
  if (fitting.length > 0) act(world.random.pick(fitting))
}

const isRunning = (request: Request) => !request.is_ending
const hasBeenEnded = (request: Request) => request.is_ending && !request.is_extending

const end = (world: World, request: Request) => endRequest(world, request, pickOutcome(world, request))

/** An id that is mostly new, sometimes one that was used before. */
const pickId = (world: World, customer: Customer) =>
  world.random.chance(0.3) ? `${customer.id}_${world.random.int(4)}` : world.newId("adj")

const pickAmount = ({ random }: World) =>
  BigInt(random.chance(0.3) ? random.between(1, 2_000) : random.between(1, NANOS_PER_USD / 2))

/** Many requests at once on a wallet that covers exactly two of their holds. */
async function stampede(world: World): Promise<void> {
  await settleDown(world)
  const customer = pickCustomer(world)
  const free = freeOf(customer, world.oracle.requests)
  if (world.disk.is_down || customer.is_frozen || free < 100_000n) return
  world.disk.disarm()
  const [rate_card] = CARDS
  const input = Number((free * 1000n * 2n) / (5n * BigInt(rate_card!.input_rate)))
  const wish: Wish = {
    rate_card: rate_card!,
    tier_asked: "default",
    estimated_input_tokens: input,
    max_output_tokens: 1,
  }
  const hold = firstHold(wish)
  if (hold * 2n > free || hold * 3n <= free) return
  const count = world.random.chance(0.2) ? 50 : world.random.between(3, 8)
  const requests = Array.from({ length: count }, () => openRequest(world, customer, wish))
  await settleDown(world)
  const open_count = requests.filter(request => request.phase === "open").length
  assertThat(
    open_count === 2,
    () => `${open_count} of ${count} requests at once were admitted on credit for 2`,
  )
}

export const ACTIONS: readonly Action[] = [
  { name: "open", weight: 36, act: world => void openRequest(world, pickCustomer(world), pickWish(world)) },
  {
    name: "deliver",
    weight: 44,
    act: world => withRequest(world, isRunning, request => deliver(world, request)),
  },
  { name: "end", weight: 24, act: world => withRequest(world, isRunning, request => end(world, request)) },
  {
    name: "end again",
    weight: 6,
    act: world => withRequest(world, hasBeenEnded, request => end(world, request)),
  },
  {
    name: "two ends at once",
    weight: 6,
    act: world =>
      withRequest(world, isRunning, request => {
        end(world, request)
        end(world, request)
      }),
  },
  {
    name: "hold after the end",
    weight: 4,
    act: world => withRequest(world, hasBeenEnded, request => extend(world, request)),
  },
  {
    name: "adjust",
    weight: 18,
    act(world) {
      const customer = pickCustomer(world)
      const direction = world.random.chance(0.6) ? "credit" : "debit"
      adjust(world, customer, { id: pickId(world, customer), direction, amount: pickAmount(world) })
    },
  },
  {
    name: "repeat an adjustment",
    weight: 4,
    act(world) {
      const customer = pickCustomer(world)
      const made = [...customer.adjustments.values()].filter(one => !one.id.includes("linked"))
      if (made.length === 0) return
      const { id, from, amount } = world.random.pick(made)
      const direction = from.startsWith("system/") ? "credit" : "debit"
      adjust(world, customer, { id: id.slice("admin:".length), direction, amount })
    },
  },
  {
    name: "link",
    weight: 6,
    act: world =>
      postLinked(world, pickCustomer(world), { credit: pickAmount(world), debit: pickAmount(world) }),
  },
  {
    name: "freeze or thaw",
    weight: 6,
    act: world => setFrozen(world, pickCustomer(world), world.random.chance(0.4)),
  },
  { name: "stampede", weight: 2, act: stampede },
  { name: "recover alive", weight: 2, act: recoverAlive },
  { name: "fault", weight: 6, act: armFault },
  { name: "crash soon", weight: 3, act: armCrash },
  { name: "crash", weight: 1, act: crash },
  {
    name: "check",
    weight: 8,
    async act(world) {
      await settleDown(world)
      if (!world.disk.is_down) assertLaws(world)
    },
  },
]
