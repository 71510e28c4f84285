import { StoreError } from '@sluice/store'

/** A store that says nothing for so long counts as away; drivers would wait longer. */
const STORE_ANSWER_MS = 3_000

/** What a store answers. Throws `unreachable` where it says nothing. */
export async function unlessSilent<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    const error = new StoreError('unreachable', `no answer for ${STORE_ANSWER_MS / 1000} s`, { retryable: true })
    timer = setTimeout(() => reject(error), STORE_ANSWER_MS)
  })
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
