/** An answer of more rows is not kept. */
const MOST_ROWS = 1_000
/** Answers kept; readers that ask for the same ask at about the same time. */
const MOST_KEPT = 2

/** Rows of a short answer, or that it is none. */
type Kept<Row> = { kind: 'short'; chunks: readonly Row[][] } | { kind: 'long' }

/**
 * Readers of one process that ask for the same short answer at about the same time: it is read once. Long answers are
 * read by each for itself. The rows are shared: nobody may change them.
 */
export class SharedReads<Row> {
  readonly #kept = new Map<string, Promise<Kept<Row>>>()

  /** @param key what is asked for; the same key has the same answer for ever */
  async *read(key: string, ask: () => AsyncGenerator<Row[]>): AsyncGenerator<Row[]> {
    const kept = this.#kept.get(key)
    if (kept) {
      const known = await kept
      yield* known.kind === 'short' ? known.chunks : ask()
      return
    }
    const answer = ask()
    const start = startOf(answer)
    this.#keep(
      key,
      start.then(({ chunks, ended }) => (ended ? { kind: 'short', chunks } : { kind: 'long' })),
    )
    const { chunks, ended } = await start
    try {
      yield* chunks
      if (!ended) yield* answer
    } finally {
      // Whoever stops early stops what is read for him.
      await answer.return(undefined)
    }
  }

  #keep(key: string, kept: Promise<Kept<Row>>): void {
    this.#kept.set(key, kept)
    // Whoever asks next asks anew.
    kept.catch(() => this.#kept.delete(key))
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break
      this.#kept.delete(oldest)
    }
  }
}

/** As much of an answer as shows whether it is short. */
async function startOf<Row>(answer: AsyncGenerator<Row[]>): Promise<{ chunks: Row[][]; ended: boolean }> {
  const chunks: Row[][] = []
  for (let rows = 0; rows <= MOST_ROWS; ) {
    const next = await answer.next()
    if (next.done) return { chunks, ended: true }
    chunks.push(next.value)
    rows += next.value.length
  }
  return { chunks, ended: false }
}
