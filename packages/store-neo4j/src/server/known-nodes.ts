/** Ids held in memory, of all labels together; some 100 bytes each. */
const MOST_IDS = 200_000

/**
 * Nodes that this process has seen in the graph, so that they need not be merged again with each edge.
 * Another process may have deleted one since. So it is believed only where a statement of the same transaction finds out:
 * see `TrustedNodes`.
 */
export class KnownNodes {
  readonly #labels = new Map<string, Set<string>>()
  #count = 0

  has(label: string, id: string): boolean {
    return this.#labels.get(label)?.has(id) ?? false
  }

  add(label: string, ids: Iterable<string>): void {
    const known = of(this.#labels, label)
    for (const id of ids) {
      if (known.has(id)) continue
      if (this.#count >= MOST_IDS) this.clear()
      known.add(id)
      this.#count++
    }
  }

  delete(label: string, ids: Iterable<string>): void {
    for (const id of ids) if (this.#labels.get(label)?.delete(id)) this.#count--
  }

  clear(): void {
    for (const known of this.#labels.values()) known.clear()
    this.#count = 0
  }
}

/** What one transaction did with nodes: which it merged, which it takes for granted until a statement has found them. */
export class TrustedNodes {
  readonly #known: KnownNodes
  readonly #merged = new Map<string, Set<string>>()
  readonly #trusted = new Map<string, Set<string>>()

  constructor(known: KnownNodes) {
    this.#known = known
  }

  /** @returns those of the nodes that must be merged; the others are trusted. */
  unknown(label: string, ids: readonly string[]): string[] {
    const unknown = ids.filter((id) => !this.#known.has(label, id))
    const merged = of(this.#merged, label)
    for (const id of unknown) merged.add(id)
    const trusted = of(this.#trusted, label)
    for (const id of ids) if (!merged.has(id)) trusted.add(id)
    return unknown
  }

  /** A statement has found this node, or would have failed. */
  found(label: string, id: string): void {
    this.#trusted.get(label)?.delete(id)
  }

  /** These are about to be deleted, if they are lonely. */
  mayGo(label: string, ids: readonly string[]): void {
    for (const id of ids) this.#merged.get(label)?.delete(id)
    this.#known.delete(label, ids)
  }

  /** The nodes that nothing has asked for: to be merged after all. */
  unproved(): [label: string, ids: string[]][] {
    return [...this.#trusted].flatMap(([label, ids]): [string, string[]][] => (ids.size > 0 ? [[label, [...ids]]] : []))
  }

  /** The transaction is durable. */
  committed(): void {
    for (const [label, ids] of this.#merged) this.#known.add(label, ids)
  }
}

function of(map: Map<string, Set<string>>, label: string): Set<string> {
  const ids = map.get(label) ?? new Set()
  map.set(label, ids)
  return ids
}
