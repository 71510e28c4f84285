/** A member's view of its group. */
export interface Membership {
  /** Changes whenever somebody joins or leaves, or partitions are added. */
  readonly generation: number
  assignment(): { generation: number; partitions: number[] }
  leave(): void
}

/** A consumer group within one process: partitions are dealt out in turn to the members in order of joining. */
export class Group {
  #generation = 0
  #members: symbol[] = []
  readonly #partitions: () => number
  readonly #changed: () => void

  constructor(partitions: () => number, changed: () => void) {
    this.#partitions = partitions
    this.#changed = changed
  }

  join(): Membership {
    const me = Symbol('member')
    this.#members.push(me)
    this.rebalance()
    const group = this
    return {
      get generation() {
        return group.#generation
      },
      assignment() {
        const place = group.#members.indexOf(me)
        const all = Array.from({ length: group.#partitions() }, (_, partition) => partition)
        return {
          generation: group.#generation,
          partitions: place < 0 ? [] : all.filter((partition) => partition % group.#members.length === place),
        }
      },
      leave() {
        group.#members = group.#members.filter((member) => member !== me)
        group.rebalance()
      },
    }
  }

  rebalance(): void {
    this.#generation++
    this.#changed()
  }
}
