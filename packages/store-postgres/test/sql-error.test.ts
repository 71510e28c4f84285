import { StoreError } from '@sluice/store'
import { describe, expect, test } from 'vitest'
import { checkServer } from '../src/server/check-server.ts'
import { isDataError, storeErrorOf } from '../src/sql-error.ts'

const withCode = (code: string, message = 'in PostgreSQL’s words') => Object.assign(new Error(message), { code })

describe('a driver’s error', () => {
  test.each([
    ['28P01', 'access_denied', false],
    ['28000', 'access_denied', false],
    ['42501', 'access_denied', false],
    ['08006', 'unreachable', true],
    ['57P03', 'unreachable', true],
    ['25006', 'unreachable', true],
    ['ECONNREFUSED', 'unreachable', true],
    ['EPIPE', 'unreachable', true],
    ['40001', 'busy', true],
    ['40P01', 'busy', true],
    ['53300', 'busy', true],
    ['55P03', 'busy', true],
    ['57014', 'busy', true],
    ['53100', 'no_space', true],
    ['ENOSPC', 'no_space', true],
    ['XX001', 'corrupt', false],
    ['42P01', 'failed', false],
    ['22P02', 'failed', false],
  ])('%s is %s', (sqlState, code, retryable) => {
    const error = storeErrorOf(withCode(sqlState))
    expect(error).toMatchObject({ code, retryable, message: expect.stringContaining('in PostgreSQL’s words') })
    expect(error.message).toContain(sqlState)
  })

  test('of several addresses names them all in one line', () => {
    const both = new AggregateError([withCode('ECONNREFUSED', 'connect ::1:1'), new Error('connect 127.0.0.1:1')])
    expect(storeErrorOf(Object.assign(both, { code: 'ECONNREFUSED' })).message).toBe(
      'PostgreSQL cannot be reached: connect ::1:1; connect 127.0.0.1:1 (ECONNREFUSED)',
    )
  })

  test('that is the store’s own stays as it is', () => {
    const error = new StoreError('busy', 'mine')
    expect(storeErrorOf(error)).toBe(error)
  })
})

test('only data exceptions, constraints and limits are a row’s own fault', () => {
  const of = (codes: string[]) => codes.map((code) => isDataError(withCode(code)))
  expect(of(['22008', '22P05', '23502', '54000'])).toEqual([true, true, true, true])
  expect(of(['40001', '53100', '42P01', 'XX000', 'ECONNRESET'])).toEqual([false, false, false, false, false])
})

describe('a server', () => {
  const server = (...row: string[]) => ({ query: async () => [row] })

  test('that is too old is named with its version', async () => {
    await expect(checkServer(server('13', '13.22', 'UTF8'))).rejects.toMatchObject({
      code: 'too_old',
      message: 'expected PostgreSQL 14 or newer; the server is 13.22',
    })
  })

  test('whose database is not in UTF-8 is refused with what to do', async () => {
    await expect(checkServer(server('18', '18.4', 'SQL_ASCII'))).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/SQL_ASCII.*WITH ENCODING 'UTF8'/),
    })
  })

  test('that is new enough and in UTF-8 is taken', async () => {
    await expect(checkServer(server('14', '14.0', 'UTF8'))).resolves.toBeUndefined()
  })
})
