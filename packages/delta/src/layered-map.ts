/** An overlay of this size is folded into its base; below, each version copies it. */
const MAX_OVERLAY = 1_024

/**
 * An immutable map that shares its bulk with the versions before it, so that a snapshot of 100,000 files costs a commit
 * only what it changes: a base that is never written to, and a small overlay of changes on top (`undefined`: removed).
 */
export class LayeredMap<V> {
  readonly #base: ReadonlyMap<string, V>
  readonly #overlay: ReadonlyMap<string, V | undefined>
  readonly size: number

  private constructor(base: ReadonlyMap<string, V>, overlay: ReadonlyMap<string, V | undefined>, size: number) {
    this.#base = base
    this.#overlay = overlay
    this.size = size
  }

  /** Takes the map over: the caller must not change it any more. */
  static over<V>(base: ReadonlyMap<string, V>): LayeredMap<V> {
    return new LayeredMap(base, new Map(), base.size)
  }

  get(key: string): V | undefined {
    return this.#overlay.has(key) ? this.#overlay.get(key) : this.#base.get(key)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  *values(): Generator<V> {
    if (this.#overlay.size === 0) {
      yield* this.#base.values()
      return
    }
    for (const [key, value] of this.#base) if (!this.#overlay.has(key)) yield value
    for (const value of this.#overlay.values()) if (value !== undefined) yield value
  }

  *keys(): Generator<string> {
    for (const key of this.#base.keys()) if (!this.#overlay.has(key)) yield key
    for (const [key, value] of this.#overlay) if (value !== undefined) yield key
  }

  /**
   * The map with changes applied (`undefined` removes); takes the changes over.
   * @param keep is asked for each value when the layers are folded: values that may be forgotten by then
   */
  with(changes: ReadonlyMap<string, V | undefined>, keep?: (value: V) => boolean): LayeredMap<V> {
    if (changes.size === 0) return this
    if (this.size === 0 && this.#overlay.size === 0) return LayeredMap.over(present(changes))
    let size = this.size
    for (const [key, value] of changes) size += Number(value !== undefined) - Number(this.has(key))
    if (this.#overlay.size + changes.size <= MAX_OVERLAY) {
      const overlay = new Map(this.#overlay)
      for (const [key, value] of changes) {
        // Deleting first keeps re-added keys at the end, in the order of the log.
        overlay.delete(key)
        if (value !== undefined || this.#base.has(key)) overlay.set(key, value)
      }
      return new LayeredMap(this.#base, overlay, size)
    }
    const base = new Map<string, V>()
    for (const [key, value] of this.#base)
      if (!this.#overlay.has(key) && !changes.has(key) && (keep?.(value) ?? true)) base.set(key, value)
    for (const layer of [this.#overlay, changes])
      for (const [key, value] of layer) {
        base.delete(key)
        if (value !== undefined) base.set(key, value)
      }
    return LayeredMap.over(base)
  }
}

/** The same map unless it has removals: for the many files of a table just opened there is no second one. */
function present<V>(changes: ReadonlyMap<string, V | undefined>): ReadonlyMap<string, V> {
  return everyPresent(changes) ? changes : new Map([...changes].filter(isPresent))
}

function everyPresent<V>(map: ReadonlyMap<string, V | undefined>): map is ReadonlyMap<string, V> {
  for (const value of map.values()) if (value === undefined) return false
  return true
}

const isPresent = <V>(entry: [string, V | undefined]): entry is [string, V] => entry[1] !== undefined
