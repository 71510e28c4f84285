import { LogError } from '@sluice/event-log'
import { createLogger, type Logger } from '@sluice/service'
import { StoreError } from '@sluice/store'
import { beforeEach, expect, it, vi } from 'vitest'
import { firstLook, whenThere } from '../src/index.ts'

const logger: Logger = createLogger({ name: 'test', level: 'silent' })
const warn = vi.spyOn(logger, 'warn')
beforeEach(() => warn.mockClear())

it('a server that refuses ends the start with the settings to look at', async () => {
  const refused = new StoreError('access_denied', 'PostgreSQL denies access: no such role')
  await expect(firstLook(() => Promise.reject(refused), 'SLUICE_POSTGRES_*', { logger })).rejects.toMatchObject({
    code: 'access_denied',
    message: 'PostgreSQL denies access: no such role; see SLUICE_POSTGRES_*',
  })
  expect(warn).not.toHaveBeenCalled()
})

it('a server that is away, or silent, is waited for, and one line says so', async () => {
  const away = new LogError('unreachable', 'connecting to Kafka at k:9092: refused', { retryable: true })
  await firstLook(() => Promise.reject(away), 'SLUICE_KAFKA_*', { logger })
  await firstLook(() => new Promise(() => {}), 'SLUICE_KAFKA_*', { logger, within_ms: 10 })
  expect(warn.mock.calls).toEqual([
    ['connecting to Kafka at k:9092: refused; it is waited for; see SLUICE_KAFKA_*'],
    ['no answer for 0.01 s; it is waited for; see SLUICE_KAFKA_*'],
  ])
})

it('what is no error of a server is thrown as it is', async () => {
  const bug = new TypeError('x is not a function')
  await expect(firstLook(() => Promise.reject(bug), 'SLUICE_S3_*', { logger })).rejects.toBe(bug)
})

it('work is done when its server is there, and not again when that is of no use', async () => {
  vi.useFakeTimers()
  const away = new LogError('unreachable', 'away', { retryable: true })
  const work = vi.fn().mockRejectedValueOnce(away).mockRejectedValueOnce(away).mockResolvedValue('done')
  const done = whenThere(work)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await done).toBe('done')
  expect(work).toHaveBeenCalledTimes(3)
  vi.useRealTimers()
  await expect(whenThere(() => Promise.reject(new LogError('unauthorized', 'no')))).rejects.toThrow('no')
})
