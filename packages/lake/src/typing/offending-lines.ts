/**
 * Finds the lines that something fails on, by halves: about `offenders × log2(lines)` runs.
 * `works` must be true for no lines at all, and must not depend on lines that are not its argument.
 */
export async function offendingLines<T>(
  lines: readonly T[],
  works: (lines: readonly T[]) => Promise<boolean>,
): Promise<T[]> {
  if (lines.length === 0 || (await works(lines))) return []
  if (lines.length === 1) return [...lines]
  const middle = lines.length >> 1
  return [
    ...(await offendingLines(lines.slice(0, middle), works)),
    ...(await offendingLines(lines.slice(middle), works)),
  ]
}
