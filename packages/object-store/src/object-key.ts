import { ObjectStoreError } from './object-store.ts'

const LONGEST_KEY_BYTES = 1024

/** Throws `invalid_key` unless the key is 1 to 1,024 bytes of UTF-8 without NUL and without empty, `.` or `..` segments. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key)
  const wrong =
    bytes < 1 || bytes > LONGEST_KEY_BYTES
      ? `${bytes} bytes`
      : key.includes('\0')
        ? 'a NUL'
        : !key.isWellFormed()
          ? 'half a surrogate pair'
          : key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
            ? `the segments of ${JSON.stringify(key)}`
            : undefined
  if (wrong)
    throw new ObjectStoreError(
      'invalid_key',
      `expected a key of 1 to ${LONGEST_KEY_BYTES} bytes without NUL and without empty, "." or ".." segments; got ${wrong}`,
    )
}

const SURROGATE = /[\ud800-\udfff]/

/** Ascending order of UTF-8 bytes, which is that of UTF-16 units where there are no surrogates. */
export function compareKeys(a: string, b: string): number {
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : Number(a > b)
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
