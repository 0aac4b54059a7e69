/** One executable in front of three strict upstreams, a model for each; every scene has its own customer and script. */
import { expect } from "bun:test"
import { type Customer, type Executable, type Receipt, startExecutable } from "./executable.ts"
import { nanosOf, priceOf } from "./price.ts"
import { until } from "./until.ts"
import { type Play, type StrictUpstream, startStrictUpstream, type TurnScript } from "./upstreams/server.ts"
import { DEFAULT_COUNTS, PROTOCOLS, type Protocol, type Turn } from "./upstreams/turn.ts"

/** Of every customer. */
const CREDIT_USD = "20.00"

export interface Scene {
  play: Play
  customer: Customer
  /** The public name of the model that leads to the scene's upstream. */
  model: string
  baseUrl: string
  origin: string
  /** The prompt with the mark that leads it to this scene's script. */
  says(prompt: string): string
  /**
   * Waits until nothing is held and checks the money: no request was refused as malformed, there is a receipt
   * for each of these turns at exactly its price (nothing for a refusal), the balance fell by their sum, the ledger's laws hold.
   */
  paid(turns: Turn[]): Promise<Receipt[]>
  /** The same without prices: for scenes whose requests are not all answered. */
  settled(): Promise<Receipt[]>
}

export interface ProtocolStage {
  server: Executable
  upstreams: Record<Protocol, StrictUpstream>
  /** Of the first family unless told. */
  modelOf(protocol: Protocol, family?: string): string
  open(protocol: Protocol, script: TurnScript, family?: string): Promise<Scene>
  close(): Promise<void>
}

export interface ProtocolStageOptions {
  /** Models are named `<family>-<protocol>`: clients know some families by prefix. */
  families: [string, ...string[]]
  env?: Record<string, string>
  /** Names of quirks, by comma. */
  quirks?: Partial<Record<Protocol, string>>
}

/** Starts the executable and three upstreams and registers them as an operator would. */
export async function openProtocolStage({
  families,
  env,
  quirks,
}: ProtocolStageOptions): Promise<ProtocolStage> {
  await using closing = new AsyncDisposableStack()
  const upstreams = {
    "openai-responses": startStrictUpstream("openai-responses"),
    "openai-chat": startStrictUpstream("openai-chat"),
    "anthropic-messages": startStrictUpstream("anthropic-messages"),
  }
  for (const protocol of PROTOCOLS) closing.defer(() => upstreams[protocol].stop())
  const server = await startExecutable({ upstreamUrl: "http://127.0.0.1:9/v1", env: env ?? {} })
  closing.defer(async () => void (await server.stop()))
  const modelOf: ProtocolStage["modelOf"] = (protocol, family = families[0]) => `${family}-${protocol}`
  for (const protocol of PROTOCOLS) {
    await addUpstream(server, upstreams[protocol], quirks?.[protocol])
    for (const family of families) await addModel(server, upstreams[protocol], modelOf(protocol, family))
  }
  const opened = closing.move()
  return {
    server,
    upstreams,
    modelOf,
    open: (protocol, script, family) =>
      openScene({ server, upstream: upstreams[protocol], script, model: modelOf(protocol, family) }),
    close: () => opened.disposeAsync(),
  }
}

/** As an operator would, by a command. */
async function addUpstream(server: Executable, upstream: StrictUpstream, quirks?: string): Promise<void> {
  const { protocol, baseUrl, key } = upstream
  const options = { id: protocol, "base-url": baseUrl, key, protocol, ...(quirks ? { quirks } : {}) }
  await server.admin(...words("upstream add", options))
}

/** A model, its price (that of `priceOf`) and its route, by the operator's commands. */
async function addModel(server: Executable, upstream: StrictUpstream, model: string): Promise<void> {
  const size = { "context-window": "272000", "max-output": "64000" }
  const able = { efforts: "low,medium,high,xhigh", modalities: "text,image" }
  await server.admin(...words("model add", { id: model, ...size, ...able }))
  await server.admin(...words("rate set", { model, input: "5", cached: "0.5", output: "30" }))
  const route = { model, upstream: upstream.protocol, "upstream-model": upstream.model }
  await server.admin(...words("route add", route))
}

function words(command: string, options: Record<string, string>): string[] {
  return [...command.split(" "), ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]
}

interface SceneParts {
  server: Executable
  upstream: StrictUpstream
  script: TurnScript
  model: string
}

async function openScene({ server, upstream, script, model }: SceneParts): Promise<Scene> {
  const customer = await server.createCustomer(CREDIT_USD)
  const play = upstream.play(script)
  const settled = () => checkMoney(server, customer)
  return {
    play,
    customer,
    model,
    baseUrl: server.baseUrl,
    origin: server.origin,
    says: prompt => `${prompt} [${play.mark}]`,
    settled,
    async paid(turns) {
      expect(play.refusals).toEqual([])
      const receipts = await settled()
      expect(receipts.map(receipt => [receipt.state, nanosOf(receipt.chargedUsd)])).toEqual(
        turns.map(turn =>
          turn.refusal ? ["released", 0n] : ["settled", priceOf(turn.counts ?? DEFAULT_COUNTS)],
        ),
      )
      expect(receipts.map(receipt => receipt.modelAsked)).toEqual(turns.map(() => model))
      return receipts
    },
  }
}

async function checkMoney(server: Executable, customer: Customer): Promise<Receipt[]> {
  await until("nothing is held", async () => nanosOf((await customer.wallet()).heldUsd) === 0n)
  const wallet = await customer.wallet()
  const receipts = (await customer.receipts()).toReversed()
  const charged = receipts.reduce((sum, receipt) => sum + nanosOf(receipt.chargedUsd), 0n)
  expect(nanosOf(wallet.balanceUsd)).toBe(nanosOf(CREDIT_USD) - charged)
  expect(await server.verifyLedger()).toMatchObject({ ok: true, exitCode: 0 })
  return receipts
}
