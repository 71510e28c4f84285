const FROM_SURROGATES_ON = /[\ud800-\uffff]/

/** Compares texts by their UTF-8 bytes: as by UTF-16 units, but for surrogates, whose characters come after all others. */
export function byUtf8(a: string, b: string): number {
  if (a === b) return 0
  if (!FROM_SURROGATES_ON.test(a) || !FROM_SURROGATES_ON.test(b)) return a < b ? -1 : 1
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff
