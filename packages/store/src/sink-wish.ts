import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'
import type { StoreName } from './store.ts'

const wish = z.object({
  paused: z.boolean(),
  /** Rebuilds asked for, and those for which the store has forgotten its tables. */
  rebuilds: z.number().int(),
  rebuilt: z.number().int(),
  /** The process that sees to a rebuild, and until when by its clock; another one takes it over then. */
  taken: z.object({ by: z.string(), until_ms: z.number() }).optional(),
})
/** What an operator wants of a sink, wherever its processes run: an object in the lake's store, changed by compare-and-set. */
export type SinkWish = z.infer<typeof wish>

const NONE: SinkWish = { paused: false, rebuilds: 0, rebuilt: 0 }
const MAX_RACES = 20
const keyOf = (name: StoreName) => `lake/_sinks/${name}.json`
const bytesOf = (value: SinkWish) => Buffer.from(JSON.stringify(value))

export async function readSinkWish(store: ObjectStore, name: StoreName): Promise<SinkWish> {
  const bytes = await store.get(keyOf(name))
  return bytes ? wish.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))) : NONE
}

/**
 * Applies a change to what is wanted now; one that changes nothing writes nothing.
 * @returns what is wanted then, and whether this call wrote it: of several that make the same change, one did
 */
export async function changeSinkWish(
  store: ObjectStore,
  name: StoreName,
  change: (wanted: SinkWish) => SinkWish,
): Promise<{ wanted: SinkWish; wrote: boolean }> {
  const key = keyOf(name)
  for (let race = 0; race < MAX_RACES; race++) {
    const info = await store.head(key)
    const wanted = info ? await readSinkWish(store, name) : NONE
    const changed = change(wanted)
    if (JSON.stringify(changed) === JSON.stringify(wanted)) return { wanted, wrote: false }
    const done = info
      ? (await store.replaceIfMatch(key, bytesOf(changed), info.etag)) !== undefined
      : (await store.putIfAbsent(key, bytesOf(changed))).kind === 'created'
    if (done) return { wanted: changed, wrote: true }
  }
  throw new Error(`${key}: it was changed by others ${MAX_RACES} times in a row; try again`)
}
