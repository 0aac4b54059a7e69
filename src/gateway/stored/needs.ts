/** What the stored-object family needs of the app, and what it shares with the pipeline; no behaviour. */
import type { GuardNeeds } from "../../auth/guard.ts"
import type { KeyLimits } from "../../auth/key-limits.ts"
import type { Vault } from "../../auth/vault.ts"
import type { Clock } from "../../platform/clock.ts"
import type { StoredLimits } from "../../platform/config.ts"
import type { NewId } from "../../platform/ids.ts"
import type { Log } from "../../platform/log.ts"
import type { Store } from "../../platform/store.ts"
import type { Tasks } from "../../platform/tasks.ts"
import type { ModelCall } from "../call.ts"
import type { Recorder } from "../exchange.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Runs } from "./runs.ts"

/** What keeping and finding objects needs. */
export interface StoreNeeds {
  cache: Store
  clock: Clock
  config: { stored: StoredLimits }
}

export interface StoredNeeds extends StoreNeeds, GuardNeeds {
  vault: Vault
  newId: NewId
  tasks: Tasks
  log: Log
  key_limits: KeyLimits
  runs: Runs
  callModel: CallModel
}

/** The pipeline, for bodies that are prepared: answers JSON or an event stream, throws every refusal. */
export type CallModel = (call: ModelCall) => Promise<Response>

/** A call of the door whose body is known from elsewhere. */
export type CallOf = Pick<ModelCall, "request_id" | "caller" | "door" | "headers" | "client_left" | "leave">

/** The same with its body. */
export type PreparedCall = CallOf & { body: JsonObject }

/** A request with everything looked up. */
export interface Prepared {
  /** The very same object when there was nothing to put in: then the client's bytes may go on as they are. */
  body: JsonObject
  /** What the answer says of the request where the body does not say it any more. */
  echo?: JsonObject
  recorder?: Recorder
  /** Present when this is more than one plain call: the door gives this answer instead of calling the model. */
  answer?: (call: CallOf) => Promise<Response>
}
