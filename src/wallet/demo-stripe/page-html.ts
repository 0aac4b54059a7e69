/** The HTML of the demonstration's payment page: plain forms, no script, and in big letters that no money moves. */
import { formatCents } from "./params.ts"
import type { TestCardName } from "./test-cards.ts"
import type { LineItem } from "./world.ts"

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 36rem; padding: 1.5rem }
.demo { background: #b45309; border-radius: .5rem; color: #fff; font-size: 1.6rem; font-weight: 800; line-height: 1.2;
  padding: 1rem 1.25rem; text-transform: uppercase }
.demo small { display: block; font-size: .95rem; font-weight: 500; line-height: 1.4; text-transform: none }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
td { border-bottom: 1px solid #8884; padding: .4rem 0 }
td:last-child { text-align: right; white-space: nowrap }
tr:last-child td { border: 0; font-weight: 700 }
fieldset { border: 1px solid #8886; border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem }
label { display: block; padding: .2rem 0 }
code { opacity: .75 }
input[type=email] { box-sizing: border-box; font: inherit; padding: .4rem; width: 100% }
button { border: 1px solid #8886; border-radius: .5rem; cursor: pointer; font: inherit; padding: .6rem 1.2rem }
button.main { background: #4f46e5; border-color: #4f46e5; color: #fff; font-weight: 700 }
.error { border-left: .3rem solid #dc2626; padding: .4rem .8rem }
`

const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64")

/** What a page may do: show itself with this style and send its own forms. */
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
}

/** The cards to choose from, in this order. */
const CARDS: readonly [TestCardName, string][] = [
  ["pays", "Pays"],
  ["declined", "Is declined"],
  ["insufficient_funds", "Has insufficient funds"],
  ["authentication_always", "Needs 3-D Secure every time (so later payments without you fail)"],
  ["authentication_once", "Needs 3-D Secure now, and pays later without you"],
  ["expired", "Has expired"],
  ["declined_later", "Can be saved, but is declined when it is charged"],
]

const quote = Bun.escapeHTML

function pageOf(title: string, content: string, status = 200): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${quote(title)} (demonstration)</title>
<style>${STYLE}</style>
</head>
<body>
<p class="demo" role="alert">Demonstration: no money moves
<small>This page is part of CodexAPI and stands in for Stripe. Do not enter real card data: there is no field for it.</small></p>
<h1>${quote(title)}</h1>
${content}
</body>
</html>
`
  return new Response(html, { status, headers: HEADERS })
}

export interface PayForm {
  title: string
  items: readonly LineItem[]
  total: { amount: number; currency: string } | null
  /** Asked for when it is not known. */
  email: string | null
  error: string | null
  can_cancel: boolean
}

/** Choose a card and pay, or cancel. */
export function payPage(form: PayForm): Response {
  const { items, total, email, error } = form
  const price = total && formatCents(total.amount, total.currency)
  const rows = items.map(item => {
    const name = item.quantity > 1 ? `${item.description} × ${item.quantity}` : item.description
    return `<tr><td>${quote(name)}</td><td>${quote(formatCents(item.amount_total, item.currency))}</td></tr>`
  })
  const bought = price
    ? `<table>${rows.join("\n")}<tr><td>Total</td><td>${quote(price)}</td></tr></table>`
    : "<p>The card is saved for later payments. Nothing is charged now.</p>"
  const asked =
    email === null
      ? '<label>E-mail <input type="email" name="email" required autocomplete="email" maxlength="200"></label>'
      : `<p>Receipt for ${quote(email)}</p>`
  const back = form.can_cancel
    ? '<button name="action" value="cancel" formnovalidate>Cancel and go back</button>'
    : ""
  const content = `${error ? `<p class="error" role="alert">${quote(error)}</p>` : ""}
${bought}
<form method="post">
${asked}
<fieldset><legend>Test card</legend>
${CARDS.map(cardChoice).join("\n")}
</fieldset>
<button class="main" name="action" value="pay">${quote(price ? `Pay ${price}` : "Save card")}</button>
${back}
</form>`
  return pageOf(form.title, content)
}

const cardChoice = ([name, label]: readonly [TestCardName, string], place: number): string =>
  `<label><input type="radio" name="card" value="${name}"${place === 0 ? " checked" : ""}> ${quote(label)}</label>`

/** The bank's question in the demonstration of 3-D Secure. */
export function authenticationPage(price: string | null): Response {
  const content = `<p>Your bank asks whether you want to ${quote(price ? `pay ${price}` : "save this card")}.</p>
<form method="post">
<button class="main" name="action" value="confirm">Confirm</button>
<button name="action" value="refuse">Refuse</button>
</form>`
  return pageOf("3-D Secure", content)
}

/** Nothing can be done here (any more); a link leads on. */
export function endPage(end: {
  title: string
  text: string
  link?: string | null
  status?: number
}): Response {
  const link = end.link ? `<p><a href="${quote(end.link)}">Go on</a></p>` : ""
  return pageOf(end.title, `<p>${quote(end.text)}</p>\n${link}`, end.status)
}
