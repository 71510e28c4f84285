import { Problem } from './problem.ts'

const LONGEST_NAME_BYTES = 255
const LONGEST_PATH_BYTES = 900

/** A media name as it is: one path segment. Throws a `Problem` (400) for anything that is none. */
export function mediaName(name: string): string {
  const fault = segmentFault(name) ?? (isSha256(name) ? 'not to look like a hash' : undefined)
  if (fault)
    throw new Problem(400, 'invalid_name', `expected the name ${fault}, came ${JSON.stringify(name.slice(0, 80))}`)
  return name
}

/** A file's path as it is: segments joined by slashes. Throws a `Problem` (400) for anything that is none. */
export function filePath(path: string): string {
  const long = Buffer.byteLength(path) > LONGEST_PATH_BYTES ? `of at most ${LONGEST_PATH_BYTES} bytes` : undefined
  const fault = long ?? path.split('/').map(segmentFault).find(Boolean)
  if (fault)
    throw new Problem(
      400,
      'invalid_path',
      `expected each part of the path ${fault}, came ${JSON.stringify(path.slice(0, 80))}`,
    )
  return path
}

export function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}

function segmentFault(segment: string): string | undefined {
  if (segment === '' || segment === '.' || segment === '..') return 'not to be empty, "." or ".."'
  if (segment.includes('/') || segment.includes('\\')) return 'to be without slashes and backslashes'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f\u007f]/.test(segment)) return 'to be without control characters'
  if (!segment.isWellFormed()) return 'to be Unicode'
  if (Buffer.byteLength(segment) > LONGEST_NAME_BYTES) return `to be at most ${LONGEST_NAME_BYTES} bytes of UTF-8`
  return undefined
}
