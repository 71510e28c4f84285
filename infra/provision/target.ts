/** A server that is given its dashboards, constraints or tables. */
export interface Target {
  name: string
  /**
   * Gives the server what it should have. May be called again at any time, with the same result.
   * @returns what was done, in a few words
   * @throws TargetError
   */
  apply(signal: AbortSignal): Promise<string>
  /** Applied again this often, for what comes later; left out: once. */
  again_every_ms?: number
}

/** `away`: nobody answers, or not yet; the same call may succeed later. `refused`: it will not before somebody acts. */
export class TargetError extends Error {
  readonly kind: 'away' | 'refused'
  constructor(kind: 'away' | 'refused', message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'TargetError'
    this.kind = kind
  }
}
