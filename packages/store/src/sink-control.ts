import type { ObjectStore } from '@sluice/object-store'
import type { StoreRunner } from './runner/store-runner.ts'
import { changeSinkWish } from './sink-wish.ts'
import type { StoreName } from './store.ts'

type Controlled = Pick<StoreRunner, 'state' | 'forgets' | 'pause' | 'resume' | 'reload'>

/** State of a sink whose store is about to forget its tables: what is there now does not count. */
export const REBUILDING = 'rebuilding'

/**
 * Controls a sink that runs in this process. A pause is written down before it begins and taken back when it ends, so that
 * it lasts longer than the process: whoever starts the sink reads the wish first (`startSink`).
 */
export function sinkControl(objects: ObjectStore, name: StoreName, runner: Controlled) {
  const wantPaused = (paused: boolean) => changeSinkWish(objects, name, (wanted) => ({ ...wanted, paused }))
  return {
    async status() {
      const { state, error } = runner.state()
      return { state: runner.forgets ? REBUILDING : state, ...(error === undefined ? {} : { error }) }
    },
    async pause() {
      await wantPaused(true)
      await runner.pause()
    },
    async resume() {
      await wantPaused(false)
      await runner.resume()
    },
    rebuild: () => runner.reload(),
  }
}
