import { type RawWriter, type RawZone, RawZoneError } from '@sluice/raw-zone'
import type { DurableBatch } from './group-commit.ts'
import type { IngestLogger } from './logger.ts'
import { Relay, type RelayParts } from './relay.ts'

/**
 * This process's life in the raw zone: one incarnation with its relay, and a new one where another process took the
 * old one over (its lease ran out while this process stood still).
 */
export class Incarnations {
  readonly #rawZone: RawZone
  readonly #relayParts: RelayParts
  readonly #logger: IngestLogger
  #current: Promise<{ writer: RawWriter; relay: Relay }> | undefined
  #relay: Relay | undefined
  /** The incarnation that is appended to; none while the next one begins. */
  #writing: string | undefined

  constructor(rawZone: RawZone, relayParts: RelayParts, logger: IngestLogger) {
    this.#rawZone = rawZone
    this.#relayParts = relayParts
    this.#logger = logger
  }

  get relay(): Relay | undefined {
    return this.#relay
  }

  /** Begins an incarnation if there is none. Rejects with a `RawZoneError`; the next call tries again. */
  async writer(): Promise<RawWriter> {
    this.#current ??= this.#begin().catch((error: unknown) => {
      this.#current = undefined
      throw error
    })
    return (await this.#current).writer
  }

  durable(durable: DurableBatch): void {
    this.#relay?.durable(durable)
  }

  /** What an append of this writer threw. A fenced incarnation is left to its adopter. */
  failed(error: unknown, { incarnation }: RawWriter): void {
    if (!(error instanceof RawZoneError) || error.code !== 'fenced') return
    // Several appends of one writer may learn it; the next incarnation may have begun already.
    if (this.#writing !== incarnation) return
    this.#writing = undefined
    this.#logger.warn(
      { err: error, incarnation: this.#relay?.incarnation },
      'this raw incarnation was taken over; beginning a new one',
    )
    this.#relay?.abandon().catch((err: unknown) => this.#logger.error({ err }, 'stopping a relay failed'))
    this.#current = undefined
  }

  async #begin(): Promise<{ writer: RawWriter; relay: Relay }> {
    const writer = await this.#rawZone.begin()
    const relay = new Relay(this.#relayParts, writer)
    this.#relay = relay
    this.#writing = writer.incarnation
    relay.start()
    return { writer, relay }
  }
}
