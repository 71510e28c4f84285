import { setTimeout as sleep } from 'node:timers/promises'
import type { AdoptedIncarnation, RawZone } from '@sluice/raw-zone'
import { batchGroups } from './batch-groups.ts'
import type { LogLifeReader } from './log-life-reader.ts'
import type { LogPublisher } from './log-publisher.ts'
import type { IngestLogger } from './logger.ts'
import type { Routing } from './routing.ts'

export interface AdoptionParts {
  rawZone: RawZone
  publisher: LogPublisher
  routing: Routing
  logger: IngestLogger
  now: () => number
  /** See `IngestParts.life`. */
  life?: LogLifeReader
}

/**
 * Publishes what dead incarnations left in the raw zone, from there alone. Looks at start and every `pause_ms`; one
 * whose lease still runs is left alone. With `force` (a raw zone that only one process at a time can have open) the
 * incarnations that are there at start are dead for certain.
 */
export class Adoption {
  readonly #parts: AdoptionParts
  readonly #own: () => string | undefined
  readonly #stop = new AbortController()
  #done: Promise<void> | undefined
  #adopted = 0

  constructor(parts: AdoptionParts, own: () => string | undefined) {
    this.#parts = parts
    this.#own = own
  }

  /** Incarnations whose tails were published by this process. */
  get adopted(): number {
    return this.#adopted
  }

  start(options: { force: boolean; pause_ms: number }): void {
    this.#done ??= this.#run(options)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(options: { force: boolean; pause_ms: number }): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#look(options.force).catch((error: unknown) =>
        this.#parts.logger.error({ err: error }, 'looking for unfinished raw incarnations failed, trying again'),
      )
      await sleep(options.pause_ms, undefined, { signal }).catch(() => undefined)
    }
  }

  async #look(force: boolean): Promise<void> {
    const { rawZone, now, life } = this.#parts
    // A life that is still to be filled gets these too, and whoever is in a former one has nothing to publish.
    if (life && (!(await life.current()) || life.to_refill)) return
    for (const { incarnation, lease_until_ms } of await rawZone.unfinished()) {
      if (this.#stop.signal.aborted) return
      if (incarnation === this.#own() || (!force && lease_until_ms > now())) continue
      await this.#adopt(incarnation, force).catch((error: unknown) =>
        this.#parts.logger.error(
          { err: error, incarnation },
          'an unfinished raw incarnation could not be published, trying again',
        ),
      )
    }
  }

  async #adopt(incarnation: string, force: boolean): Promise<void> {
    const { rawZone, logger } = this.#parts
    const adopted = await rawZone.adopt(incarnation, { force })
    if (!adopted) return
    logger.info({ incarnation, published: adopted.published }, 'adopting an unfinished raw incarnation')
    try {
      await this.#publish(adopted)
    } finally {
      // Else it would be held, and left alone by all, for as long as this process lives.
      await adopted
        .release()
        .catch((err: unknown) => logger.warn({ err, incarnation }, 'a raw incarnation is given up when its lease ends'))
    }
  }

  async #publish(adopted: AdoptedIncarnation): Promise<void> {
    const { publisher, routing, life } = this.#parts
    const after = Math.max(adopted.published, life?.refilledTo(adopted.incarnation) ?? 0)
    for await (const { records, last } of batchGroups(adopted.tail(after), routing)) {
      if (!(await publisher.publish(records, this.#stop.signal))) return
      await adopted.advanced(last)
    }
    // What went to a log that is the lake's no more is sent again by whoever adopts it then.
    if (!((await life?.current()) ?? true)) return
    await adopted.finish()
    this.#adopted++
  }
}
