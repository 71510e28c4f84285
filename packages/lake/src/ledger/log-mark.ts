import { createHash } from 'node:crypto'

const OFFSETS = 2n ** 20n
const HASHES = 2 ** 32

/** The Delta `txn` by which the ledger knows again the last record that it decided of a partition. */
export const markTxn = (log_epoch: string, partition: number) => `last/${log_epoch}/${partition}`

/**
 * A record as a number that a Delta `txn` can hold and JavaScript keeps exactly: 20 bits of its offset, 32 of its hash.
 */
export function markOf({ offset, value }: { offset: bigint; value: Uint8Array }): number {
  return Number(offset % OFFSETS) * HASHES + createHash('sha256').update(value).digest().readUInt32BE(0)
}

/** Whether two marks are of one offset but not of one record. */
export function contradicts(mark: number, other: number): boolean {
  return mark !== other && Math.floor(mark / HASHES) === Math.floor(other / HASHES)
}
