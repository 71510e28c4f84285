import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8192
const RANDOM_BYTES = 8
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES
let last_ms = 0
let stamp = ''
let sequence = 0

/**
 * A UUIDv7 (RFC 9562, section 5.7): milliseconds, a counter of 12 bits within the millisecond (method 1 of section
 * 6.2), 62 random bits. Rising in one process. Random bytes are fetched many at a time: fetching them for each id
 * costs more than all the rest of accepting an event.
 */
export function uuidV7(now_ms: number): string {
  if (now_ms > last_ms) startMillisecond(now_ms)
  else if (++sequence > 0xfff) startMillisecond(last_ms + 1)
  if (used + RANDOM_BYTES > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const at = used
  used += RANDOM_BYTES
  const high = hex(0x70 | (sequence >> 8)) + hex(sequence & 0xff)
  const variant = hex(0x80 | (byteAt(at) & 0x3f)) + hex(byteAt(at + 1))
  return `${stamp}${high}-${variant}-${hex(byteAt(at + 2))}${hex(byteAt(at + 3))}${hex(byteAt(at + 4))}${hex(byteAt(at + 5))}${hex(byteAt(at + 6))}${hex(byteAt(at + 7))}`
}

function startMillisecond(ms: number): void {
  last_ms = ms
  sequence = 0
  const digits = ms.toString(16).padStart(12, '0')
  stamp = `${digits.slice(0, 8)}-${digits.slice(8)}-`
}

const hex = (byte: number): string => HEX[byte] ?? ''
const byteAt = (at: number): number => pool[at] ?? 0
