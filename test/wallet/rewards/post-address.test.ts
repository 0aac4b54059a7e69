/** Addresses of posts: one spelling for each post, however a site writes it, and nothing that is no post. */
import { describe, expect, test } from "bun:test"
import { AppError } from "../../../src/platform/errors.ts"
import { readPostAddress } from "../../../src/wallet/rewards/post-address.ts"

const HOSTS = [
  "x.com",
  "twitter.com",
  "linkedin.com",
  "reddit.com",
  "facebook.com",
  "bsky.app",
  "mastodon.social",
  "news.ycombinator.com",
]

const codeOf = (text: string, hosts = HOSTS): unknown => {
  try {
    return readPostAddress(text, hosts)
  } catch (error) {
    if (error instanceof AppError) return error.detail.code
    throw error
  }
}

describe("one post has one spelling", () => {
  const same: [string, string[]][] = [
    [
      "x.com/123",
      [
        "https://x.com/ada/status/123",
        "https://X.com./ada/status/123/",
        "https://www.twitter.com/Ada/status/123?s=20&t=abc",
        "https://mobile.x.com/i/web/status/123#top",
        "https://x.com/ada/statuses/123/photo/1",
        "https://x.com/somebody-else/status/123",
        "https://x.com/ada/%73tatus/123",
      ],
    ],
    [
      "reddit.com/1abcd",
      [
        "https://www.reddit.com/r/codex/comments/1abcd/my_title/",
        "https://old.reddit.com/r/codex/comments/1abcd",
        "https://reddit.com/comments/1abcd?utm_source=share",
      ],
    ],
    ["reddit.com/kl12", ["https://www.reddit.com/r/codex/comments/1abcd/my_title/kl12/"]],
    [
      "linkedin.com/7123",
      [
        "https://www.linkedin.com/feed/update/urn:li:activity:7123/",
        "https://de.linkedin.com/posts/ada_title-activity-7123-xYz?utm_source=share",
      ],
    ],
    [
      "bsky.app/3kabc",
      ["https://bsky.app/profile/ada.example/post/3kabc", "https://bsky.app/profile/did:plc:1/post/3kabc/"],
    ],
    ["mastodon.social/110", ["https://mastodon.social/@ada/110", "https://mastodon.social/web/@ada/110"]],
    [
      "news.ycombinator.com/4000",
      ["https://news.ycombinator.com/item?id=4000", "https://news.ycombinator.com/item?p=2&id=4000#c"],
    ],
    [
      "facebook.com/ada/posts/55",
      ["https://www.facebook.com/ada/posts/55", "https://m.facebook.com//Ada/posts/55/?ref=share"],
    ],
    [
      "facebook.com/permalink.php?id=9&story_fbid=55",
      [
        "https://facebook.com/permalink.php?story_fbid=55&id=9",
        "https://facebook.com/permalink.php?id=9&x=1&story_fbid=55",
      ],
    ],
  ]
  for (const [spelling, addresses] of same)
    test(spelling, () => {
      for (const address of addresses) expect(codeOf(address)).toBe(spelling)
    })
})

describe("what is no post is refused by name", () => {
  const refused: [string, string[]][] = [
    [
      "post_not_https",
      [
        "x.com/ada/status/1",
        "http://x.com/ada/status/1",
        "ftp://x.com/ada/status/1",
        "javascript:alert(1)",
        "https://ada:secret@x.com/ada/status/1",
        "https://x.com:8443/ada/status/1",
        "https://",
      ],
    ],
    [
      "post_host_not_allowed",
      [
        "https://notx.com/ada/status/1",
        "https://x.com.evil.example/ada/status/1",
        "https://evil.example/x.com/status/1",
        "https://127.0.0.1/status/1",
      ],
    ],
    [
      "post_not_a_post",
      [
        "https://x.com/",
        "https://x.com/ada",
        "https://x.com/ada/status/",
        "https://www.reddit.com/r/codex/",
        "https://news.ycombinator.com/item",
        "https://news.ycombinator.com/user?id=ada",
        "https://www.linkedin.com/in/ada",
        "https://bsky.app/profile/ada.example",
        "https://facebook.com/?utm_source=1",
      ],
    ],
  ]
  for (const [code, addresses] of refused)
    test(code, () => {
      for (const address of addresses) expect([address, codeOf(address)]).toEqual([address, code])
    })
})

test("a site of the operator's own counts, with its subdomains", () => {
  expect(codeOf("https://ada.blog.example/2026/my-post?utm=1", ["blog.example"])).toBe(
    "ada.blog.example/2026/my-post",
  )
  expect(codeOf("https://blog.example/watch?v=abc", ["blog.example"])).toBe("blog.example/watch?v=abc")
  expect(codeOf("https://myblog.example/1", ["blog.example"])).toBe("post_host_not_allowed")
})

test("no address takes long to read", () => {
  const started = performance.now()
  for (const part of ["/a", "/status", "%41", "activity-", "item?id=&", "."]) {
    codeOf(`https://x.com/${part.repeat(2048 / part.length)}`)
    codeOf(`https://www.linkedin.com/${part.repeat(2048 / part.length)}`)
    codeOf(`https://news.ycombinator.com/item?${part.repeat(2048 / part.length)}`)
  }
  expect(performance.now() - started).toBeLessThan(200)
})
