/** Addresses of public posts: which site they are on, and one spelling for each post; pure, nothing is fetched. */
import { AppError } from "../../platform/errors.ts"

/** Names under which a site shows the same posts. */
const FACES = /^(?:www|m|mobile|old|new|np|web|mbasic|touch)\./

/** What names a post on the sites we know, in `path?query`; the author's name or a title beside it may be anything. */
const NAMES: Record<string, readonly RegExp[]> = {
  "x.com": [/^[^?]*\/status(?:es)?\/(\d+)/],
  "reddit.com": [/^[^?]*\/comments\/\w+\/[^/?]*\/(\w+)/, /^[^?]*\/comments\/(\w+)/],
  "linkedin.com": [/^[^?]*(?:activity|share|ugcpost)[-:](\d+)/i, /^\/(pulse\/[\w-]+)/],
  "bsky.app": [/^\/profile\/[^/?]+\/post\/(\w+)/],
  "mastodon.social": [/^[^?]*\/(?:@[^/?]+|statuses)\/(\d+)/],
  "news.ycombinator.com": [/^\/item\?(?:.*&)?id=(\d+)/],
}

/** On other sites the path, and these members of the query; all others say how someone came to the post. */
const NAMING = ["id", "story_fbid", "fbid", "v"]

/**
 * Reads the address of a post on one of the `hosts` and gives its one spelling: whatever leads to the same post gives the
 * same. Throws `unprocessable` naming `postUrl`.
 */
export function readPostAddress(text: string, hosts: readonly string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "" || url.port !== "") {
    throw refusal(
      "post_not_https",
      "Give the post's address as your browser shows it, beginning with https://.",
    )
  }
  const host = siteOf(url.hostname)
  if (!hosts.some(allowed => isOn(host, siteOf(allowed)))) {
    const sites = hosts.join(", ")
    throw refusal("post_host_not_allowed", `Posts count on these sites: ${sites}. Share it on one of them.`)
  }
  const known = Object.keys(NAMES).find(site => isOn(host, site))
  const name = known === undefined ? plainNameOf(url) : knownNameOf(url, NAMES[known]!)
  if (name) return `${known ?? host}/${name}`
  throw refusal(
    "post_not_a_post",
    "This is not the address of a single post: open the post and copy its address.",
  )
}

const siteOf = (host: string): string => {
  const plain = host.replace(/\.$/, "").replace(FACES, "")
  return plain === "twitter.com" ? "x.com" : plain
}

const isOn = (host: string, site: string): boolean => host === site || host.endsWith(`.${site}`)

/** Percent signs that stand for plain characters are another spelling of them. */
const pathOf = (url: URL): string =>
  url.pathname.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )

function knownNameOf(url: URL, patterns: readonly RegExp[]): string | undefined {
  const text = pathOf(url) + url.search
  return patterns.map(pattern => pattern.exec(text)?.[1]).find(name => name !== undefined)
}

function plainNameOf(url: URL): string {
  const path = pathOf(url)
    .replace(/\/{2,}/g, "/")
    .replace(/^\/|\/$/g, "")
    .toLowerCase()
  const query = NAMING.filter(key => url.searchParams.get(key)).map(
    key => `${key}=${url.searchParams.get(key)}`,
  )
  return [path, query.join("&")].filter(Boolean).join("?")
}

const refusal = (code: string, message: string): AppError =>
  new AppError("unprocessable", message, { code, field: "postUrl" })
