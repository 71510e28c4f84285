/** Deterministic random numbers in [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Thrown into a worker that dies at a step. */
export class Killed extends Error {
  constructor() {
    super('killed')
    this.name = 'Killed'
  }
}

interface Waiting {
  worker: string
  resolve: () => void
  reject: (error: Error) => void
}

/**
 * Lets concurrent workers go on one step at a time, in an order that a seed decides. A worker takes a step before each
 * access to the world (store, log), so that every interleaving of those accesses can occur.
 */
export class Scheduler {
  readonly #random: () => number
  #waiting: Waiting[] = []
  readonly #asleep = new Map<string, number>()
  readonly #dead = new Set<string>()
  steps = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Resolves when it is this worker's turn; never for one that was killed while it waits for nothing. */
  step(worker: string): Promise<void> {
    if (this.#dead.has(worker)) return Promise.reject(new Killed())
    return new Promise((resolve, reject) => this.#waiting.push({ worker, resolve, reject }))
  }

  /** The worker's next steps are taken only after `steps` steps of others (SIGSTOP, SIGCONT). */
  sleep(worker: string, steps: number): void {
    this.#asleep.set(worker, this.steps + steps)
  }

  /** The worker dies at its next step (SIGKILL). */
  kill(worker: string): void {
    this.#dead.add(worker)
    for (const waiting of this.#waiting.filter((one) => one.worker === worker)) waiting.reject(new Killed())
    this.#waiting = this.#waiting.filter((one) => one.worker !== worker)
  }

  /** Runs until nobody waits for a turn. `between` may put workers to sleep or kill them. */
  async run(between: () => void): Promise<void> {
    for (;;) {
      await settled()
      if (this.#waiting.length === 0) return
      between()
      const awake = this.#waiting.filter(({ worker }) => (this.#asleep.get(worker) ?? 0) <= this.steps)
      const pool = awake.length > 0 ? awake : this.#waiting
      const next = pool[Math.floor(this.#random() * pool.length)]
      if (!next) continue
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.steps++
      next.resolve()
    }
  }
}

/** All promise reactions that can run have run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
