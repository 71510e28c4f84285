/** Work of one process that takes turns, in the order it came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Waits for what came before, whether it failed or not. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn
    return turn
  }
}
