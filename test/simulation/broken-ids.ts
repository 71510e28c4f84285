import { KnownIds, type LedgerFiles } from '@sluice/lake/ledger/index'

export class OnceJudging extends KnownIds {
  readonly #judged = new WeakMap<BigInt64Array, number[]>()

  override candidates(hashes: BigInt64Array): number[] {
    const judged = this.#judged.get(hashes) ?? super.candidates(hashes)
    this.#judged.set(hashes, judged)
    return judged
  }
}

export class Aloof extends KnownIds {
  #first: LedgerFiles | undefined

  override follow(ledger: LedgerFiles): Promise<number> {
    this.#first ??= { version: ledger.version, files: ledger.files, addedSince: async () => [] }
    return super.follow(this.#first).then(() => ledger.version)
  }
}

export class Hasty extends KnownIds {
  #taken = -1

  override async follow(ledger: LedgerFiles): Promise<number> {
    const { version, files } = ledger
    try {
      const addedSince = (after: number) => ledger.addedSince(Math.max(after, this.#taken))
      return await super.follow({ version, files, addedSince })
    } catch (error) {
      this.#taken = version
      throw error
    }
  }
}

export class Amnesiac extends KnownIds {
  #born: number | undefined

  override follow(ledger: LedgerFiles): Promise<number> {
    if (this.#born !== undefined) return super.follow(ledger)
    this.#born = ledger.version
    return super.follow({ version: ledger.version, files: [], addedSince: async () => [] })
  }
}
