import { createHash } from 'node:crypto'

/**
 * A stamp is a number that says which version of which table wrote a point: the table's id in 21 bits, the version in
 * 32, so that it is exact as a JavaScript number. Of one table the greater stamp is the later; of another table it says
 * nothing, and the point is left over from before a rebuild.
 */

const VERSIONS = 2 ** 32

export function generationOf(tableId: string): number {
  return createHash('sha256').update(tableId).digest().readUInt32BE(0) >>> 11
}

export function stampOf(generation: number, version: number): number {
  if (version < 0 || version >= VERSIONS - 1)
    throw new RangeError(`a version is from 0 to ${VERSIONS - 2}, got ${version}`)
  return generation * VERSIONS + version
}

export const isOfGeneration = (stamp: number, generation: number): boolean =>
  Math.floor(stamp / VERSIONS) === generation
