/** A customer's e-mail address: saved once a code that was mailed to it comes back, or unproven where no mail is. */
import {
  assertEmailFree,
  type Customer,
  getCustomer,
  normaliseEmail,
  setEmail,
} from "../../auth/customers.ts"
import {
  type Confirmation,
  confirmEmailCode,
  EMAIL_CODE_MINUTES,
  type EmailCodeNeeds,
  issueEmailCode,
} from "../../auth/email-codes.ts"
import { assertUnscoped, type Caller } from "../../auth/keys.ts"
import { enqueueMail, type NoticeNeeds } from "../../notices/notify.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import type { Store, TxQuery } from "../../platform/store.ts"

export interface EmailNeeds extends EmailCodeNeeds, NoticeNeeds {
  store: Store
  config: Pick<Config, "mail" | "brand_name">
}

/** The address that a customer wants to have, with the code that was mailed there, once it was. */
export interface EmailInput {
  email: string
  code?: string | undefined
}

/** What became of it: `code-sent` changed nothing yet, `unverified` is saved without a proof. */
export type EmailOutcome = { state: "verified" | "code-sent" | "unverified"; customer: Customer }

/**
 * Without a code: mails one to the address, or, where mail is not configured, saves the address unverified. With the
 * code: saves the address as verified. An address that is saved and verified already stays so, whatever the code is.
 * Throws `forbidden` when a scoped key would change the address, `conflict` when another customer has it,
 * `unprocessable` for a code that is not right, `rate_limited` within a minute of the last mail and once the customer
 * or the mailbox had as many as one has in a day.
 */
export async function saveEmail(needs: EmailNeeds, caller: Caller, input: EmailInput): Promise<EmailOutcome> {
  const outcome = await needs.store.tx(async q => {
    const customer = await getCustomer(q, caller.customer_id)
    const is_own = normaliseEmail(input.email) === customer.email
    // Who holds the address could take the account over.
    if (!is_own) assertUnscoped(caller, "change the e-mail address")
    if (is_own && customer.email_verified_at !== null) return { state: "verified" as const, customer }
    const claim = { customer_id: customer.id, email: input.email }
    if (input.code === undefined) return claimEmail(q, needs, claim)
    return confirmEmailCode(q, needs, { ...claim, code: input.code })
  })
  return "state" in outcome ? outcome : readConfirmation(outcome)
}

async function claimEmail(
  q: TxQuery,
  needs: EmailNeeds,
  claim: { customer_id: string; email: string },
): Promise<EmailOutcome> {
  const { customer_id: id, email } = claim
  if (needs.config.mail === undefined) {
    return { state: "unverified", customer: await setEmail(q, { id, email, email_verified_at: null }) }
  }
  await assertEmailFree(q, { id, email })
  const code = await issueEmailCode(q, needs, claim)
  await enqueueMail(q, needs, {
    customer_id: id,
    recipient: normaliseEmail(email),
    ...writeMail(needs.config.brand_name, code),
  })
  return { state: "code-sent", customer: await getCustomer(q, id) }
}

const writeMail = (brand_name: string, code: string) => ({
  subject: `Your ${brand_name} code`,
  body:
    `${code} is your code. It is good for ${EMAIL_CODE_MINUTES} minutes.\n\n` +
    `Enter it where you asked for it, to confirm that this address belongs to your ${brand_name} account. ` +
    "If you did not ask for it, ignore this mail: nothing changes without the code.\n",
})

function readConfirmation(confirmation: Confirmation): EmailOutcome {
  if (confirmation.kind === "confirmed") return { state: "verified", customer: confirmation.customer }
  const again = "send the address without a code to get a new one."
  if (confirmation.kind === "void") {
    const message = `There is no such code for this address, or not any more: ${again}`
    throw new AppError("unprocessable", message, { code: "email_code_void", field: "code" })
  }
  const { tries_left } = confirmation
  const next = tries_left > 0 ? `${tries_left} tries are left` : again
  throw new AppError("unprocessable", `The code is wrong: ${next}`, {
    code: "email_code_wrong",
    field: "code",
    extra: { triesLeft: tries_left },
  })
}
