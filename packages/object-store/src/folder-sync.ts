import { open } from 'node:fs/promises'

/** Makes renames and links durable by fsync of their folder; those that wait at the same time share one. */
export class FolderSync {
  readonly #next = new Map<string, Promise<void>>()
  readonly #running = new Map<string, Promise<void>>()

  /** Resolves when everything that was in the folder at the call is durable. */
  folder(path: string): Promise<void> {
    const waiting = this.#next.get(path)
    if (waiting) return waiting
    const before = this.#running.get(path) ?? Promise.resolve()
    const sync = before
      .catch(() => undefined)
      .then(async () => {
        this.#next.delete(path)
        this.#running.set(path, sync)
        const folder = await open(path, 'r')
        try {
          await folder.sync()
        } finally {
          await folder.close()
          if (this.#running.get(path) === sync) this.#running.delete(path)
        }
      })
    this.#next.set(path, sync)
    return sync
  }
}
