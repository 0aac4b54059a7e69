/** POST /api/v1/wallet/auto-topup: reading, enabling with a card, each field that is wrong, who may. */
import { describe, expect, test } from "bun:test"
import { runCommand } from "../../support/operator.ts"
import { openPaymentScene, type PaymentScene, refusalOf, takeEvents } from "../../support/payments.ts"
import { enable, openTopup, PATH, readSettings } from "./scene.ts"

const DEFAULTS = {
  enabled: false,
  thresholdUsd: "5.00",
  packageId: "starter",
  monthlyCapUsd: "50.00",
  chargedThisMonthUsd: "0.00",
  suspendedFor: null,
  card: null,
  setupUrl: null,
}

const countSessions = ({ stripe }: PaymentScene) => stripe.control.objects.sessions.size

test("an empty object reads the settings: off, with the cheapest package, until the customer says otherwise", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer()
  expect(await readSettings(scene, customer)).toEqual(DEFAULTS)
  takeEvents(scene)
  expect(await readSettings(scene, customer)).toEqual(DEFAULTS)
  expect(takeEvents(scene)).toEqual([])
  expect(countSessions(scene)).toBe(0)
})

test("enabling without a card gives a page to save one at, and then shows it", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer()
  const body = { enabled: true, thresholdUsd: "2.5", packageId: "plus", monthlyCapUsd: "100" }
  const answer = await scene.send(PATH, { key: customer.key, body })
  expect([answer.status, await answer.json()]).toEqual([
    200,
    {
      ...DEFAULTS,
      enabled: true,
      thresholdUsd: "2.50",
      packageId: "plus",
      monthlyCapUsd: "100.00",
      setupUrl: expect.stringMatching(/^http:\/\/localhost\/demo-checkout\/cs_test_/),
    },
  ])
  expect(takeEvents(scene)).toEqual(["auto-topup-changed"])
  await enable(scene, customer, { packageId: "plus" })
  expect(await readSettings(scene, customer)).toMatchObject({
    enabled: true,
    card: { brand: "visa", last4: "4242" },
    setupUrl: null,
  })
})

test("what is left out stays, and another card is asked for only when it is wanted", async () => {
  await using scene = await openTopup({ thresholdUsd: "3.00", monthlyCapUsd: "40.00" })
  const { key } = scene.customer
  const sessions = countSessions(scene)
  expect(await scene.sendJson(PATH, { key, body: { packageId: "starter" } })).toMatchObject({
    enabled: true,
    thresholdUsd: "3.00",
    packageId: "starter",
    monthlyCapUsd: "40.00",
    setupUrl: null,
  })
  expect(countSessions(scene)).toBe(sessions)
  const { setupUrl } = await scene.sendJson(PATH, { key, body: { newCard: true } })
  expect(setupUrl).toMatch(/cs_test_/)
  expect(countSessions(scene)).toBe(sessions + 1)
})

test("each field that is wrong is refused by name, and nothing is changed", async () => {
  await using scene = await openTopup()
  const { key } = scene.customer
  const before = await readSettings(scene, scene.customer)
  const amount = (field: string, text: string): [object, unknown[]] => [
    { [field]: text },
    [422, "invalid_amount", field],
  ]
  const nonsense = ["-1.00", "0", "0.00", "NaN", "1e309", "Infinity", "", "5,00", " 5", "99999999", "0x5"]
  const rows: [object | string, unknown[]][] = [
    ...nonsense.flatMap(text => [amount("thresholdUsd", text), amount("monthlyCapUsd", text)]),
    amount("monthlyCapUsd", "10.001"),
    amount("monthlyCapUsd", "1000.01"),
    amount("monthlyCapUsd", "9.99"),
    [{ packageId: "team" }, [200]],
    [{ packageId: "standard" }, [200]],
    [{ packageId: "vip-365" }, [422, "invalid_amount", "monthlyCapUsd"]],
    [{ packageId: "gold" }, [422, "unknown_package", "packageId"]],
    [{ packageId: "" }, [422, "invalid_field", "packageId"]],
    [{ enabled: "yes" }, [422, "invalid_field", "enabled"]],
    [{ enabled: null }, [422, "invalid_field", "enabled"]],
    [{ thresholdUsd: 5 }, [422, "invalid_field", "thresholdUsd"]],
    ['{"monthlyCapUsd":1e309}', [422, "invalid_field", "monthlyCapUsd"]],
    ['{"thresholdUsd":-5}', [422, "invalid_field", "thresholdUsd"]],
    [{ newCard: 1 }, [422, "invalid_field", "newCard"]],
    [{ newCard: true, successUrl: "http://a.example" }, [422, "invalid_url", "successUrl"]],
    [{ cancelUrl: "javascript:1" }, [422, "invalid_url", "cancelUrl"]],
    ["{", [400, "invalid_json", "body"]],
    ["null", [422, "invalid_field", "body"]],
  ]
  const sessions = countSessions(scene)
  for (const [body, refusal] of rows) {
    const sent = JSON.stringify(body)
    if (refusal[0] === 200) expect((await scene.send(PATH, { key, body })).status).toBe(200)
    else
      expect({ sent, refusal: await refusalOf(scene, PATH, { key, body }) }).toEqual({
        sent,
        refusal,
      } as never)
  }
  expect(await readSettings(scene, scene.customer)).toEqual(before)
  expect(countSessions(scene)).toBe(sessions)
})

test("without a key, or with one that is limited to models or to a time, nothing is changed", async () => {
  await using scene = await openPaymentScene()
  const body = { enabled: true }
  expect(await refusalOf(scene, PATH, { body })).toEqual([401, "missing_api_key"])
  const limits = [{ models: ["gpt-5.5"] }, { expires_at: scene.clock.now() + 1_000_000 }]
  for (const limit of limits) {
    const customer = await scene.createCustomer(limit)
    expect(await refusalOf(scene, PATH, { key: customer.key, body })).toEqual([403, "scoped_key"])
    expect((await scene.send(PATH, { key: customer.system_token, body: {} })).status).toBe(200)
  }
  expect(await scene.app.store.read.all("SELECT is_enabled FROM auto_topup")).toEqual([
    { is_enabled: 0 },
    { is_enabled: 0 },
  ])
})

test("one customer's settings are not another's", async () => {
  await using scene = await openTopup()
  const other = await scene.createCustomer()
  expect(await readSettings(scene, other)).toEqual(DEFAULTS)
})

describe("when the package was withdrawn", () => {
  test("auto-topup can still be read and turned off, and is turned on only with another", async () => {
    await using scene = await openTopup()
    const { key } = scene.customer
    await runCommand(scene, "package disable", "--id", "standard")
    expect(await readSettings(scene, scene.customer)).toMatchObject({ enabled: true, packageId: "standard" })
    expect((await scene.send(PATH, { key, body: { enabled: false } })).status).toBe(200)
    const on = { key, body: { enabled: true } }
    expect(await refusalOf(scene, PATH, on)).toEqual([422, "unknown_package", "packageId"])
    const other = { enabled: true, packageId: "starter" }
    expect((await scene.send(PATH, { key, body: other })).status).toBe(200)
  })

  test("or costs more than the monthly limit, it can be turned off as well", async () => {
    await using scene = await openTopup({ monthlyCapUsd: "10.00" })
    const { key } = scene.customer
    await runCommand(scene, "package set", "--id", "standard", "--price", "20.00")
    expect((await scene.send(PATH, { key, body: { enabled: false } })).status).toBe(200)
    const on = { key, body: { enabled: true } }
    expect(await refusalOf(scene, PATH, on)).toEqual([422, "invalid_amount", "monthlyCapUsd"])
  })
})

test("without payments there is no page to give, which is said; the settings are kept", async () => {
  await using scene = await openPaymentScene({ env: { CODEXAPI_PAYMENTS: "off" } })
  const customer = await scene.createCustomer()
  const answer = await scene.send(PATH, { key: customer.key, body: { enabled: true } })
  expect([answer.status, await answer.json()]).toMatchObject([503, { code: "payments_off" }])
  expect((await scene.send(PATH, { key: customer.key, body: { enabled: false } })).status).toBe(200)
})

test("pages to save a card at are throttled by customer; reading and turning off are not", async () => {
  await using scene = await openTopup()
  const { key } = scene.customer
  const ask = () => scene.send(PATH, { key, body: { newCard: true } })
  // One was asked for when it was turned on.
  for (let count = 1; count < 10; count++) expect((await ask()).status).toBe(200)
  const sessions = countSessions(scene)
  expect(await refusalOf(scene, PATH, { key, body: { newCard: true } })).toEqual([429, "too_many_attempts"])
  expect(countSessions(scene)).toBe(sessions)
  expect(await readSettings(scene, scene.customer)).toMatchObject({ enabled: true })
  expect((await scene.send(PATH, { key, body: { enabled: false } })).status).toBe(200)
})

test("fifty changes at once leave one of them", async () => {
  await using scene = await openTopup()
  const { key } = scene.customer
  const wishes = Array.from({ length: 50 }, (_, index) => ({ thresholdUsd: `${index + 1}.00` }))
  const answers = await Promise.all(wishes.map(body => scene.send(PATH, { key, body })))
  expect(answers.map(answer => answer.status)).toEqual(Array(50).fill(200))
  expect(await scene.app.store.read.all("SELECT is_enabled FROM auto_topup")).toEqual([{ is_enabled: 1 }])
})
