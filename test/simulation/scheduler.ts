import type { Random } from './random.ts'

/** Something that takes steps: a process, or a request of a dead one that is still on its way. */
export interface Actor {
  readonly name: string
  /** A dead actor (SIGKILL) never takes another step: what it awaits never resolves. */
  dead: boolean
  /** Takes no step before this one (SIGSTOP); `Infinity`: until it is woken. */
  asleep_until: number
  /** How much likelier than others it is to take the next step. */
  weight: number
  /** A worker's turns, counted: each may make one decision. */
  turn: number
}

/**
 * Lets concurrent actors go on one step at a time, in an order that a seed decides. An actor takes a step before and
 * after each access to the world (store, log), so that every interleaving of those accesses can occur.
 */
export class Scheduler {
  steps = 0
  /** What was done at each step, newest last; kept if wanted. */
  readonly trace: string[] | undefined
  readonly #random: Random
  readonly #waiting: { actor: Actor; what: string; go: () => void }[] = []

  constructor(random: Random, trace: boolean) {
    this.#random = random
    this.trace = trace ? [] : undefined
  }

  actor(name: string): Actor {
    return { name, dead: false, asleep_until: 0, weight: 1, turn: 0 }
  }

  /** Resolves when it is this actor's turn; never for a dead one. */
  step(actor: Actor, what: string): Promise<void> {
    return new Promise((go) => {
      if (!actor.dead) this.#waiting.push({ actor, what, go })
    })
  }

  kill(actor: Actor): void {
    actor.dead = true
    for (let at = this.#waiting.length - 1; at >= 0; at--)
      if (this.#waiting[at]!.actor === actor) this.#waiting.splice(at, 1)
    this.note(actor, 'dies')
  }

  /** Wakes everybody who waits. */
  wake(): void {
    for (const { actor } of this.#waiting) actor.asleep_until = 0
  }

  note(actor: Actor, what: string): void {
    this.trace?.push(`${this.steps} ${actor.name} ${what}`)
  }

  /** Calls `between` before each step, and ends when nobody waits for a turn and it has nothing more to come. */
  async run(between: () => 'more' | 'done'): Promise<void> {
    for (;;) {
      await quiescence()
      const expected = between()
      const next = this.#choose()
      if (!next && expected === 'done') return
      if (!next) continue
      this.steps++
      this.trace?.push(`${this.steps} ${next.actor.name} ${next.what}`)
      next.go()
    }
  }

  #choose() {
    let total = 0
    for (const { actor } of this.#waiting) if (actor.asleep_until <= this.steps) total += actor.weight
    if (total === 0) return this.#soonestAwake()
    let left = this.#random.next() * total
    for (const [at, { actor }] of this.#waiting.entries()) {
      if (actor.asleep_until > this.steps) continue
      left -= actor.weight
      if (left < 0) return this.#waiting.splice(at, 1)[0]
    }
    return undefined
  }

  /** Everybody sleeps: time goes by until the first wakes up, if there is a time for it. */
  #soonestAwake() {
    let best = -1
    for (const [at, { actor }] of this.#waiting.entries())
      if (actor.asleep_until < (this.#waiting[best]?.actor.asleep_until ?? Number.POSITIVE_INFINITY)) best = at
    return best < 0 ? undefined : this.#waiting.splice(best, 1)[0]
  }
}

/** All promise reactions that can run have run. */
const quiescence = () => new Promise<void>((resolve) => setImmediate(resolve))
