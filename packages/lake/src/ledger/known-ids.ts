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
  #filter = new IdFilter()
  #files: readonly AddFile[] = []

  constructor(rows: LedgerRows) {
    this.#rows = rows
  }

  get memory_bytes(): number {
    return this.#filter.bytes
  }

  /** Forgets everything and reads the id hashes of all files of the ledger. */
  async load(files: readonly AddFile[]): Promise<void> {
    this.#filter = new IdFilter()
    for await (const hashes of this.#rows.idHashes(files)) this.#filter.add(hashes)
    this.#files = files
  }

  /** Follows commits: `added` are files with new receipts (not those of a compaction), `files` all files now. */
  async advance(added: readonly AddFile[], files: readonly AddFile[]): Promise<void> {
    if (added.length > 0) for await (const hashes of this.#rows.idHashes(added)) this.#filter.add(hashes)
    this.#files = files
  }

  /** As `advance`, for a file of this worker's own, whose id hashes it has at hand. */
  remember(hashes: BigInt64Array, files: readonly AddFile[]): void {
    this.#filter.add(hashes)
    this.#files = files
  }

  /** Positions in `hashes` of the ids that may be known. */
  candidates(hashes: BigInt64Array): number[] {
    return this.#filter.candidates(hashes)
  }

  /** All receipts of these ids. */
  async receipts(ids: readonly IdWithHash[]): Promise<Receipt[]> {
    if (ids.length === 0 || this.#files.length === 0) return []
    return this.#rows.receipts(this.#files, ids)
  }
}
