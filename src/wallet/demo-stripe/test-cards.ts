/** The cards that the demonstration accepts: what each does, by Stripe's own test numbers; none is real. */

/** Source of the numbers: https://docs.stripe.com/testing. */
export interface TestCard {
  /** Sixteen digits; the fingerprint comes from them, so two cards of one number are one card. */
  number: string
  brand: "visa" | "mastercard"
  /** What the issuer says to a charge. */
  charge: "pays" | "declined" | "insufficient_funds" | "expired"
  /** When 3-D Secure is asked for: never, until the card was set up with it, or every time (so never off-session). */
  authentication: "never" | "once" | "always"
  /** Whether saving works though charges fail. */
  is_saved_anyway: boolean
  /** A US bank account instead: its money comes days later (`control.settle`). */
  is_bank_account: boolean
}

const card = (number: string, change: Partial<TestCard> = {}): TestCard => ({
  number,
  brand: "visa",
  charge: "pays",
  authentication: "never",
  is_saved_anyway: false,
  is_bank_account: false,
  ...change,
})

export const TEST_CARDS = {
  pays: card("4242424242424242"),
  pays_mastercard: card("5555555555554444", { brand: "mastercard" }),
  declined: card("4000000000000002", { charge: "declined" }),
  insufficient_funds: card("4000000000009995", { charge: "insufficient_funds" }),
  expired: card("4000000000000069", { charge: "expired" }),
  authentication_always: card("4000002760003184", { authentication: "always" }),
  authentication_once: card("4000002500003155", { authentication: "once" }),
  declined_later: card("4000000000000341", { charge: "declined", is_saved_anyway: true }),
  bank_account: card("0000000000006789", { is_bank_account: true }),
} as const satisfies Record<string, TestCard>

export type TestCardName = keyof typeof TEST_CARDS

/** A card by its name, or one of a test's own making. */
export type CardChoice = TestCardName | TestCard

export const isTestCardName = (name: string): name is TestCardName => Object.hasOwn(TEST_CARDS, name)

export const cardOf = (choice: CardChoice): TestCard =>
  typeof choice === "string" ? TEST_CARDS[choice] : choice

/** Another card for every serial number, with a fingerprint of its own. */
export function createTestCard(serial: number, change: Partial<TestCard> = {}): TestCard {
  return card(`4900${String(serial).padStart(12, "0")}`, change)
}

/** Sixteen characters that are the same for the same number, on every server and after every start. */
export function fingerprintOf(number: string): string {
  const digest = new Bun.CryptoHasher("sha256").update(`demo-stripe:${number}`).digest("base64")
  return digest.replace(/[+/=]/g, "").slice(0, 16)
}

/** The names that Stripe's test mode accepts in place of a payment method's id. */
const SHORTCUTS = new Map<string, TestCardName>([
  ["pm_card_visa", "pays"],
  ["pm_card_mastercard", "pays_mastercard"],
  ["pm_card_visa_chargeDeclined", "declined"],
  ["pm_card_chargeDeclined", "declined"],
  ["pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"],
  ["pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"],
  ["pm_card_visa_chargeDeclinedExpiredCard", "expired"],
  ["pm_card_chargeDeclinedExpiredCard", "expired"],
  ["pm_card_authenticationRequired", "authentication_always"],
  ["pm_card_authenticationRequiredOnSetup", "authentication_once"],
  ["pm_card_chargeCustomerFail", "declined_later"],
])

export const findShortcut = (id: string): TestCardName | undefined => SHORTCUTS.get(id)
