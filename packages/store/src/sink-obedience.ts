import type { ObjectStore } from '@sluice/object-store'
import type { StoreRunner } from './runner/store-runner.ts'
import { changeSinkWish, readSinkWish, type SinkWish } from './sink-wish.ts'
import type { StoreName } from './store.ts'

export interface SinkObedienceParts {
  objects: ObjectStore
  name: StoreName
  runner: Pick<StoreRunner, 'state' | 'pause' | 'resume' | 'reload' | 'forgets'>
  /** Names this process among those of the sink. */
  process_id: string
  now: () => number
}

/**
 * A process that took a rebuild and says nothing more for so long is taken to be gone. Where clocks differ by more, two
 * processes may rebuild: that costs time and changes nothing.
 */
const TAKEN_FOR_MS = 30_000

/**
 * Does what is wanted of a sink: every process of it looks now and then. One of them takes a rebuild, and it counts as
 * done once the store has forgotten its tables, because from then on the store's missing progress says that they are to
 * be loaded: a process that ends before that, with its store away, leaves the rebuild to the next.
 */
export class SinkObedience {
  readonly #parts: SinkObedienceParts
  /** The rebuild that this process sees to. */
  #rebuilding: number | undefined

  constructor(parts: SinkObedienceParts) {
    this.#parts = parts
  }

  async look(): Promise<void> {
    const { objects, name, runner } = this.#parts
    const wanted = await readSinkWish(objects, name)
    const isPaused = runner.state().state === 'paused'
    if (wanted.paused && !isPaused) await runner.pause()
    if (!wanted.paused && isPaused) await runner.resume()
    if (this.#rebuilding === undefined) await this.#take(wanted)
    else await this.#goOn(this.#rebuilding)
  }

  async #take(seen: SinkWish): Promise<void> {
    if (!this.#isFree(seen)) return
    const { objects, name, runner } = this.#parts
    const { wanted, wrote } = await changeSinkWish(objects, name, (now) => (this.#isFree(now) ? this.#mine(now) : now))
    if (!wrote) return
    this.#rebuilding = wanted.rebuilds
    await runner.reload()
  }

  async #goOn(rebuild: number): Promise<void> {
    const { objects, name, runner, process_id, now } = this.#parts
    if (runner.forgets) {
      await changeSinkWish(objects, name, (wanted) =>
        wanted.taken?.by === process_id && wanted.taken.until_ms - now() < TAKEN_FOR_MS / 2
          ? this.#mine(wanted)
          : wanted,
      )
      return
    }
    await changeSinkWish(objects, name, ({ taken, ...wanted }) => ({
      ...wanted,
      rebuilt: Math.max(wanted.rebuilt, rebuild),
      ...(taken && taken.by !== process_id ? { taken } : {}),
    }))
    this.#rebuilding = undefined
  }

  #isFree({ rebuilds, rebuilt, taken }: SinkWish): boolean {
    return rebuilds > rebuilt && (taken === undefined || taken.until_ms <= this.#parts.now())
  }

  #mine(wanted: SinkWish): SinkWish {
    const { process_id, now } = this.#parts
    return { ...wanted, taken: { by: process_id, until_ms: now() + TAKEN_FOR_MS } }
  }
}
