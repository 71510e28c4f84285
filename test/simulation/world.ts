import type { DeltaStore } from '@sluice/delta'
import type { Scheduler } from './scheduler.ts'

/** The objects of a simulated store; each worker sees it through a view of its own that takes a step for each access. */
export class World {
  readonly objects = new Map<string, { bytes: Uint8Array; etag: string }>()
  clock_ms = 1_760_000_000_000
  #etag = 0

  /** Fake time moves by a millisecond at each look. */
  readonly now = () => this.clock_ms++

  view(scheduler: Scheduler, worker: string): DeltaStore {
    const step = () => scheduler.step(worker)
    const infoOf = (key: string) => {
      const object = this.objects.get(key)
      return object && { key, size: object.bytes.length, etag: object.etag, modified_at_ms: this.clock_ms }
    }
    const set = (key: string, bytes: Uint8Array) => {
      const etag = String(this.#etag++)
      this.objects.set(key, { bytes, etag })
      return { etag }
    }
    const world = this
    return {
      async get(key) {
        await step()
        return world.objects.get(key)?.bytes
      },
      async head(key) {
        await step()
        return infoOf(key)
      },
      async put(key, bytes) {
        await step()
        return set(key, bytes)
      },
      async putIfAbsent(key, bytes) {
        await step()
        return world.objects.has(key) ? { kind: 'exists' } : { kind: 'created', ...set(key, bytes) }
      },
      async *list(prefix, options) {
        await step()
        const keys = [...world.objects.keys()]
          .filter((key) => key.startsWith(prefix) && key > (options?.start_after ?? ''))
          .sort()
        for (const key of keys.slice(0, options?.limit)) {
          const info = infoOf(key)
          if (info) yield info
        }
      },
      async delete(keys) {
        await step()
        for (const key of keys) world.objects.delete(key)
      },
    }
  }
}
