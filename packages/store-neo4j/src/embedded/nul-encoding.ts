import type { LbugValue } from '@ladybugdb/core'

/**
 * LadybugDB 0.19 takes the key "\0" for "": texts are kept without NUL, as U+0001 U+0001, and U+0001 as U+0001 U+0002.
 * This keeps the order of texts by their UTF-8 bytes.
 */
export const withoutNul = (value: LbugValue): LbugValue =>
  mapped(value, (text) =>
    text.includes('\u0001') || text.includes('\0')
      ? text.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001')
      : text,
  )

export const withNul = (value: LbugValue): LbugValue =>
  mapped(value, (text) =>
    text.includes('\u0001') ? text.replaceAll('\u0001\u0001', '\0').replaceAll('\u0001\u0002', '\u0001') : text,
  )

function mapped(value: LbugValue, change: (text: string) => string): LbugValue {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapped(item, change))
  if (value === null || typeof value !== 'object' || value instanceof Date || value instanceof Map) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapped(item as LbugValue, change)]))
}
