/** A fixed number: adding partitions moves whole buckets, and a key's bucket never changes. */
export const BUCKETS = 1024

/** The bucket of a key: FNV-1a over its UTF-8 bytes, finished by murmur3's mixer. */
export function bucketOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i)
    if (code > 0x7f) return mixed(hashBytes(Buffer.from(key))) % BUCKETS
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  return mixed(hash) % BUCKETS
}

/** The partition, from 0 to `partitions` - 1, that a key's bucket is in: neighbouring buckets share one. */
export function partitionOf(key: string, partitions: number): number {
  return Math.floor((bucketOf(key) * partitions) / BUCKETS)
}

function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
