import { readConfig } from '@sluice/service'
import { describe, expect, it } from 'vitest'
import { kafkaOptions, s3Options } from '../src/client-options.ts'
import { serverSettings } from '../src/settings.ts'

const read = (environment: Record<string, string> = {}) => readConfig(serverSettings, environment)

describe('options of Kafka by the settings', () => {
  it('by default: kafkajs sends, and copies are as many as the log finds right', () => {
    expect(kafkaOptions(read(), 'x')).toMatchObject({ producer: 'kafkajs', replication: undefined })
  })

  it('name the other producer, and a number of copies', () => {
    const given = read({ SLUICE_KAFKA_PRODUCER: 'platformatic', SLUICE_KAFKA_REPLICATION: '2' })
    expect(kafkaOptions(given, 'x')).toMatchObject({ producer: 'platformatic', replication: 2 })
    expect(() => read({ SLUICE_KAFKA_PRODUCER: 'java' })).toThrow('expected kafkajs or platformatic; "java" came')
  })

  it('name every broker', () => {
    expect(kafkaOptions(read({ SLUICE_KAFKA_BROKERS: 'a:1, b:2' }), 'x').brokers).toEqual(['a:1', 'b:2'])
  })
})

describe('options of S3 by the settings', () => {
  it.each([
    ['auto', undefined],
    ['1', true],
    ['0', false],
  ])('the path style %s', (text, path_style) => {
    expect(s3Options(read({ SLUICE_S3_PATH_STYLE: text })).path_style).toBe(path_style)
    expect(s3Options(read()).path_style).toBeUndefined()
  })
})
