/** `expand[]`: puts objects in the place of their ids, in a copy; source: https://docs.stripe.com/api/expanding_objects. */
import { refuseParam } from "./refusal.ts"
import type { World } from "./world.ts"

type Json = Record<string, unknown>

const DEEPEST = 4

/** A copy of an answer in which every path is expanded; a path that is no id and no object is refused. */
export function expandAnswer(world: World, answer: object, paths: readonly string[]): Json {
  const copy: Json = refreshed(world, structuredClone(answer) as Json)
  for (const path of paths) {
    const names = path.split(".")
    if (names.length > DEEPEST) {
      refuseParam("expand", `You cannot expand more than ${DEEPEST} levels of a property. Property: ${path}`)
    }
    expandPath(world, copy, { names, path })
  }
  return copy
}

function expandPath(world: World, object: Json, wanted: { names: string[]; path: string }): void {
  const [name, ...rest] = wanted.names
  if (name === undefined) return
  const value = object[name] ?? memberOnDemand(world, object, name)
  if (value === undefined) {
    const message = `This property cannot be expanded (${wanted.path}).`
    refuseParam("expand", message)
  }
  const expanded = typeof value === "string" ? resolve(world, value) : value
  object[name] = expanded
  const deeper = { names: rest, path: wanted.path }
  for (const one of Array.isArray(expanded) ? expanded : [expanded]) {
    if (isObject(one)) expandPath(world, one, deeper)
  }
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null

/** The object with this id, as a copy; the id itself when it was forgotten. */
function resolve(world: World, id: string): unknown {
  const object = world.objects.find(id)
  return object ? refreshed(world, structuredClone(object) as unknown as Json) : id
}

/** Members that Stripe shows only when they are asked for. */
function memberOnDemand(world: World, object: Json, name: string): unknown {
  if (name in object) return object[name]
  if (object.object === "checkout.session" && name === "line_items") {
    const session = world.objects.all("checkout.session").get(String(object.id))
    const data = (session && world.details.get(session)?.line_items) ?? []
    return listOf(data, `/v1/checkout/sessions/${object.id}/line_items`)
  }
  if (object.object === "charge" && name === "refunds") {
    const data = [...world.objects.all("refund").values()].filter(refund => refund.charge === object.id)
    return listOf(structuredClone(data.reverse()), `/v1/charges/${object.id}/refunds`)
  }
  return undefined
}

const listOf = (data: unknown[], url: string): Json => ({ object: "list", data, has_more: false, url })

/** Money is pending until its day; nobody changes the stored object when the day comes. */
function refreshed(world: World, object: Json): Json {
  const is_due = Number(object.available_on) * 1000 <= world.clock.now()
  if (object.object === "balance_transaction" && is_due) object.status = "available"
  if (object.object === "list" && Array.isArray(object.data)) {
    for (const one of object.data) if (isObject(one)) refreshed(world, one)
  }
  return object
}
