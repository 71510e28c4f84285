import type { AddFile } from '@sluice/delta'
import type { Receipt } from './decide.ts'
import { IdFilter } from './id-filter.ts'

/** Reading rows of ledger files; what the protocol needs of an engine. */
export interface LedgerRows {
  /** The `id_hash` column of these files, in chunks. */
  idHashes(files: readonly AddFile[]): AsyncIterable<BigInt64Array>
  /** Every receipt in these files whose event_id is one of the given (`hash` is its id hash). */
  receipts(files: readonly AddFile[], ids: readonly IdWithHash[]): Promise<Receipt[]>
}

/** What repeat detection needs of a ledger. */
export interface LedgerFiles {
  readonly version: number
  /** All files at `version`. */
  readonly files: readonly AddFile[]
  /** See `Ledger.addedSince`. */
  addedSince(after: number): Promise<readonly AddFile[] | undefined>
}

export interface IdWithHash {
  event_id: string
  hash: bigint
}

/**
 * Repeat detection at any distance in time, in bounded memory: a filter in memory says which ids may be known (and is
 * never wrong when it says no), the ledger's files say what is known of them. Nothing here is state of its own: it is
 * rebuilt from the ledger at start and follows its commits.
 */
export class KnownIds {
  readonly #rows: LedgerRows
  readonly #filter: IdFilter
  /** The ledger version that the filter and the files stand for; `undefined`: nothing was read yet. */
  #version: number | undefined
  #files: readonly AddFile[] = []

  /** `filter`: an empty one, of another size than the default. */
  constructor(rows: LedgerRows, filter = new IdFilter()) {
    this.#rows = rows
    this.#filter = filter
  }

  get memory_bytes(): number {
    return this.#filter.bytes
  }

  /**
   * Learns what the ledger knows, the first time everything. If it throws, nothing is taken as learnt. May be called by
   * several at once.
   * @returns the ledger version that is known at least
   */
  async follow(ledger: LedgerFiles): Promise<number> {
    const { version, files } = ledger
    const learnt = this.#version
    const added = learnt === undefined ? undefined : await ledger.addedSince(learnt)
    // Ids that are added twice cost a little memory and are known no less.
    for await (const hashes of this.#rows.idHashes(added ?? files)) this.#filter.add(hashes)
    this.#learnt(version, files)
    return version
  }

  /** As `follow`, right after a commit of this worker's own, whose id hashes it has at hand. */
  remember(hashes: BigInt64Array, ledger: LedgerFiles): void {
    // Whatever others committed in between has to be read: the next `follow` does it, own rows included.
    if (this.#version === undefined || ledger.version !== this.#version + 1) return
    this.#filter.add(hashes)
    this.#learnt(ledger.version, ledger.files)
  }

  #learnt(version: number, files: readonly AddFile[]): void {
    if (this.#version !== undefined && version < this.#version) return
    this.#version = version
    this.#files = files
  }

  /** Positions in `hashes` of the ids that may be known. */
  candidates(hashes: BigInt64Array): number[] {
    return this.#filter.candidates(hashes)
  }

  /** All receipts of these ids in the ledger followed to. */
  async receipts(ids: readonly IdWithHash[]): Promise<Receipt[]> {
    if (ids.length === 0 || this.#files.length === 0) return []
    return this.#rows.receipts(this.#files, ids)
  }
}
