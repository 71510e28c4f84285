/**
 * Whether a JSON text escapes half a surrogate pair (`"\ud800"`), which no UTF-8 can hold. The text must be valid JSON.
 */
export function escapesLoneSurrogate(text: string): boolean {
  let at = text.indexOf('\\')
  while (at >= 0) {
    if (text.charCodeAt(at + 1) !== 0x75) {
      at = text.indexOf('\\', at + 2)
      continue
    }
    const unit = escapedUnit(text, at)
    if (unit >= 0xdc00 && unit <= 0xdfff) return true
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const low = escapedUnit(text, at + 6)
      if (!(low >= 0xdc00 && low <= 0xdfff)) return true
      at += 6
    }
    at = text.indexOf('\\', at + 6)
  }
  return false
}

function escapedUnit(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x5c || text.charCodeAt(at + 1) !== 0x75) return -1
  return Number.parseInt(text.substring(at + 2, at + 6), 16)
}
