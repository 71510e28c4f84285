import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'
import type { StoreRunner } from './runner/store-runner.ts'
import type { StoreName } from './store.ts'

const wish = z.object({
  paused: z.boolean(),
  /** Rebuilds asked for, and those begun. */
  rebuilds: z.number().int(),
  rebuilt: z.number().int(),
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

/** Applies a change to what is wanted now; one that changes nothing writes nothing. */
export async function changeSinkWish(
  store: ObjectStore,
  name: StoreName,
  change: (wanted: SinkWish) => SinkWish,
): Promise<SinkWish> {
  const key = keyOf(name)
  for (let race = 0; race < MAX_RACES; race++) {
    const info = await store.head(key)
    const wanted = info ? await readSinkWish(store, name) : NONE
    const changed = change(wanted)
    if (JSON.stringify(changed) === JSON.stringify(wanted)) return wanted
    const done = info
      ? (await store.replaceIfMatch(key, bytesOf(changed), info.etag)) !== undefined
      : (await store.putIfAbsent(key, bytesOf(changed))).kind === 'created'
    if (done) return changed
  }
  throw new Error(`${key}: it was changed by others ${MAX_RACES} times in a row; try again`)
}

/** One look at what is wanted, and doing it: every process of a sink calls this now and then. */
export async function obeySinkWish(store: ObjectStore, name: StoreName, runner: StoreRunner): Promise<void> {
  const { paused, rebuilds, rebuilt } = await readSinkWish(store, name)
  const isPaused = runner.state().state === 'paused'
  if (paused && !isPaused) await runner.pause()
  if (!paused && isPaused) await runner.resume()
  if (rebuilds <= rebuilt) return
  const mine = await changeSinkWish(store, name, (wanted) => ({ ...wanted, rebuilt: wanted.rebuilds }))
  // Of several processes of the sink, the one that took the wish reloads; the others see the store's progress change.
  if (mine.rebuilt > rebuilt) await runner.reload()
}
