import { describe, expect, it } from 'vitest'
import { refuseOutside } from '../../src/kafka/offset-range.ts'

const range = (earliest: bigint, end: bigint) => [{ partition: 0, earliest, end }]
const at = (offset: bigint) => () => new Map([[0, offset]])

describe('offsets are checked against the log', () => {
  it.each([5n, 7n, 9n])('%d is within 5 to 9', async (offset) => {
    await expect(refuseOutside(async () => range(5n, 9n), at(offset), 0)).resolves.toBeUndefined()
  })

  it.each([4n, 10n])('%d is not, and the error says what is', async (offset) => {
    await expect(refuseOutside(async () => range(5n, 9n), at(offset), 0)).rejects.toMatchObject({
      code: 'offset_out_of_range',
      message: expect.stringContaining(`from 5 to 9, got ${offset}`),
    })
  })

  it('what is read while the log answers is not beyond its end', async () => {
    let offset = 9n
    const ask = async () => {
      offset = 12n
      return range(5n, 9n)
    }
    await expect(refuseOutside(ask, () => new Map([[0, offset]]), 0)).resolves.toBeUndefined()
  })

  it('a new leader that tells too low an end at first is asked again', async () => {
    const ends = [8n, 8n, 11n]
    await expect(refuseOutside(async () => range(5n, ends.shift() ?? 0n), at(10n), 0)).resolves.toBeUndefined()
    expect(ends).toEqual([])
  })

  it('records that were read and then removed while the log answers are not missed', async () => {
    let offset = 5n
    const ask = async () => {
      offset = 9n
      return range(8n, 9n)
    }
    await expect(refuseOutside(ask, () => new Map([[0, offset]]), 0)).resolves.toBeUndefined()
  })

  it('partitions that are not read do not matter', async () => {
    await expect(
      refuseOutside(
        async () => range(5n, 9n),
        () => new Map([[1, 0n]]),
        0,
      ),
    ).resolves.toBeUndefined()
  })
})
