/** Tests of the payment page: what it shows and takes, and that nothing of a customer or a caller runs in it. */
import { describe, expect, test } from "bun:test"
import type Stripe from "stripe"
import { errorOf, openStage, payOnce, purchase, type Stage } from "./stage.ts"

const open = (stage: Stage, change: Partial<Stripe.Checkout.SessionCreateParams> = {}) =>
  stage.stripe.checkout.sessions.create(purchase(change))

const post = (url: string, body: Record<string, string> | string) =>
  fetch(url, {
    method: "POST",
    body: typeof body === "string" ? body : new URLSearchParams(body),
    headers: { "content-type": "application/x-www-form-urlencoded" },
    redirect: "manual",
  })

const statusOf = (stage: Stage, id: string) => stage.control.objects.sessions.get(id)?.status

const SCRIPT = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`

describe("a page shows", () => {
  test("what is bought, for how much, and that no money moves", async () => {
    await using stage = openStage()
    const { url } = await open(stage)
    const answer = await fetch(url!)
    const html = await answer.text()
    for (const text of [
      "Demonstration: no money moves",
      "Token credit",
      "$10.00 usd",
      "Pay $10.00 usd",
      "Cancel",
    ])
      expect(html).toContain(text)
    expect(html).not.toContain("<script")
    expect(html).not.toMatch(/card number|cvc/i)
  })

  test("no markup of anybody's: names, addresses and errors are text", async () => {
    await using stage = openStage()
    const customer = await stage.stripe.customers.create({
      email: `a${SCRIPT.replaceAll(" ", "")}@b.c`,
      name: SCRIPT,
    })
    const { url, id } = await open(stage, {
      customer: customer.id,
      cancel_url: `https://example.com/?q=${encodeURIComponent(SCRIPT)}"><script>`,
      line_items: [
        {
          quantity: 2,
          price_data: { currency: "usd", unit_amount: 500, product_data: { name: `Credit ${SCRIPT}` } },
        },
      ],
    })
    const pages = [await (await fetch(url!)).text()]
    await post(url!, { action: "pay", card: "declined" })
    const intent = [...stage.control.objects.intents.values()][0]!
    intent.last_payment_error!.message = SCRIPT
    pages.push(await (await fetch(url!)).text())
    stage.control.expire(id)
    pages.push(await (await fetch(url!)).text())
    pages.push(await (await fetch(`${stage.base_url}/demo-checkout/${encodeURIComponent(SCRIPT)}`)).text())
    for (const html of pages) {
      expect(html).not.toContain("<script>")
      expect(html).not.toContain("<img")
      expect(html).not.toMatch(/href="[^"]*"[^>]*script/)
    }
    expect(pages[0]).toContain("Credit &quot;&gt;&lt;script&gt;alert(1)")
  })

  test("itself to nobody else: no frames, no scripts, no referrer, not in a cache", async () => {
    await using stage = openStage()
    const { headers } = await fetch((await open(stage)).url!)
    const policy = headers.get("content-security-policy") ?? ""
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain("unsafe")
    expect([headers.get("cache-control"), headers.get("referrer-policy")]).toEqual([
      "no-store",
      "no-referrer",
    ])
  })
})

describe("a form", () => {
  test("pays, and sending it again only leads on", async () => {
    await using stage = openStage()
    const { url, id } = await open(stage)
    const form = { action: "pay", card: "pays", email: "ada@example.com" }
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(url!, form)))
    for (const answer of answers)
      expect([answer.status, answer.headers.get("location")]).toEqual([
        303,
        `https://example.com/done?session=${id}`,
      ])
    expect(stage.control.objects.charges.size).toBe(1)
    expect((await fetch(url!)).status).toBe(200)
  })

  test("cancels without ending the session", async () => {
    await using stage = openStage()
    const { url, id } = await open(stage)
    const answer = await post(url!, { action: "cancel" })
    expect(answer.headers.get("location")).toBe("https://example.com/cancelled")
    expect(statusOf(stage, id)).toBe("open")
  })

  test("asks the bank, and takes the customer's answer", async () => {
    await using stage = openStage()
    const { url, id } = await open(stage)
    await post(url!, { action: "pay", card: "authentication_always" })
    expect(await (await fetch(url!)).text()).toContain("Your bank asks whether you want to pay $10.00 usd")
    await post(url!, { action: "refuse" })
    expect(await (await fetch(url!)).text()).toContain("failed authentication")
    await post(url!, { action: "pay", card: "authentication_always" })
    expect((await post(url!, { action: "confirm" })).headers.get("location")).toContain("/done?")
    expect(statusOf(stage, id)).toBe("complete")
  })

  test("saves a card without a price", async () => {
    await using stage = openStage()
    const customer = await stage.stripe.customers.create({ email: "ada@example.com" })
    const { url } = await stage.stripe.checkout.sessions.create({
      mode: "setup",
      currency: "usd",
      customer: customer.id,
      success_url: "https://example.com/done",
    })
    const html = await (await fetch(url!)).text()
    expect(html).toContain("Nothing is charged now")
    expect(html).not.toContain("Cancel")
    expect((await post(url!, { action: "pay", card: "pays" })).headers.get("location")).toBe(
      "https://example.com/done",
    )
    expect(stage.control.objects.charges.size).toBe(0)
  })

  test("with anything else in it changes nothing", async () => {
    await using stage = openStage()
    const { url, id } = await open(stage)
    const nonsense = [
      { action: "pay" },
      { action: "pay", card: "constructor" },
      { action: "pay", card: "__proto__" },
      { action: "pay", card: "4242424242424242" },
      { action: "confirm" },
      { action: "refuse" },
      { action: "refund" },
      { "action[x]": "pay", card: "pays" },
      {},
      "%%%=&&&[[]]",
      `action=pay&card=pays&pad=${"x".repeat(20_000)}`,
    ]
    for (const form of nonsense) {
      const answer = await post(url!, form)
      expect([answer.status, answer.headers.get("location")]).toEqual([303, url])
    }
    expect(statusOf(stage, id)).toBe("open")
    expect(stage.control.objects.charges.size).toBe(0)
  })

  test("of an ended session only leads on, and other methods are refused", async () => {
    await using stage = openStage()
    const { url, id } = await open(stage)
    stage.control.expire(id)
    const answer = await post(url!, { action: "pay", card: "pays" })
    expect(answer.headers.get("location")).toBe(url)
    expect(await (await fetch(url!)).text()).toContain("This payment page has expired")
    const put = await fetch(url!, { method: "PUT" })
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"])
  })
})

test("other objects, and what is none, have no page", async () => {
  await using stage = openStage()
  const { intent, charge_id } = await payOnce(stage)
  const customer = await stage.stripe.customers.create({})
  for (const id of [charge_id, customer.id, "cs_test_none", "", "..", "%2e%2e", "constructor"]) {
    const answer = await fetch(`${stage.base_url}/demo-checkout/${id}`)
    expect({ id, is_shown: (await answer.text()).includes("Pay $") }).toEqual({ id, is_shown: false })
  }
  const done = await (await fetch(`${stage.base_url}/demo-checkout/${intent.id}`)).text()
  expect(done).toContain("Nothing is to be confirmed")
})

test("an address that would run as a script is refused before there is a page", async () => {
  await using stage = openStage()
  for (const success_url of ["javascript:alert(1)", "data:text/html,x", "//example.com", "JAVASCRIPT:x"])
    expect((await errorOf(open(stage, { success_url }))).code).toBe("url_invalid")
})
