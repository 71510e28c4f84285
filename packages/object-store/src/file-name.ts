/** Characters of a key's segment that stand in a file's name as they are; all others are written as %XX of their UTF-8 bytes. */
const PLAIN = /^[A-Za-z0-9._=+@,()~ -]+$/

/** The name of the file or folder for one segment of a key. Reversible; no segment gets a name that begins with `%u`. */
export function fileNameOf(segment: string): string {
  if (PLAIN.test(segment)) return segment
  let name = ''
  for (const character of segment) {
    name += PLAIN.test(character)
      ? character
      : [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  }
  return name
}

export function keyOfFileName(name: string): string {
  return name.includes('%') ? decodeURIComponent(name) : name
}
