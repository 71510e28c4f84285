import type { IngestLimits } from './limits.ts'
import { Problem } from './problem.ts'

/** Bytes that one request holds in memory, from the first it sends until its answer. */
export interface Hold {
  /** Takes more; throws a `Problem` (429) where the client, or the service, holds too much already. */
  take(bytes: number): void
  release(): void
}

/**
 * Bounds the memory of all requests together, and of each client (API key). A request that is alone is bounded by the
 * limit of its body only, so that none is refused for ever.
 */
export class Admission {
  readonly #limits: IngestLimits
  readonly #clients = new Map<string, number>()
  #held_bytes = 0

  constructor(limits: IngestLimits) {
    this.#limits = limits
  }

  get held_bytes(): number {
    return this.#held_bytes
  }

  hold(client: string): Hold {
    let held = 0
    return {
      take: (bytes) => {
        const of_client = this.#clients.get(client) ?? 0
        const { queue_limit_bytes, client_queue_limit_bytes } = this.#limits
        if (this.#held_bytes > held)
          check(this.#held_bytes + bytes, queue_limit_bytes, 'queue_full', 'all clients together')
        if (of_client > held) check(of_client + bytes, client_queue_limit_bytes, 'too_much_at_a_time', 'this API key')
        held += bytes
        this.#held_bytes += bytes
        this.#clients.set(client, of_client + bytes)
      },
      release: () => {
        const rest = (this.#clients.get(client) ?? 0) - held
        if (rest > 0) this.#clients.set(client, rest)
        else this.#clients.delete(client)
        this.#held_bytes -= held
        held = 0
      },
    }
  }
}

function check(bytes: number, limit: number, code: string, whose: string): void {
  if (bytes <= limit) return
  throw new Problem(429, code, `expected at most ${limit} bytes under way from ${whose}; send again later`, {
    retry_after_s: 1,
  })
}
