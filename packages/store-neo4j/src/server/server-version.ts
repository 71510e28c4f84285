import { StoreError } from '@sluice/store'

/** The oldest long-term version that its maker still mends. Versions were `5.26` until 2024, and `2026.08` from then on. */
const OLDEST = [5, 26] as const

/** @param agent what a server calls itself, such as `Neo4j/2026.08.1` */
export function checkVersion(agent: string): void {
  const parts = /^Neo4j\/(\d+)\.(\d+)/.exec(agent)
  const [major, minor] = [Number(parts?.[1]), Number(parts?.[2])]
  if (!(major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])))
    throw new StoreError('too_old', `expected Neo4j ${OLDEST.join('.')} or newer; the server is ${agent}`)
}
