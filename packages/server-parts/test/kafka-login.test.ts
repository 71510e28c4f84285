import { ConfigError, readConfig } from '@sluice/service'
import { describe, expect, it } from 'vitest'
import { kafkaLogin } from '../src/kafka-login.ts'
import { serverSettings } from '../src/settings.ts'

describe('the login to Kafka', () => {
  it('is there if both halves are, and not if neither is', () => {
    expect(kafkaLogin({ kafka_username: 'u', kafka_password: 'p', kafka_mechanism: 'plain' })).toEqual({
      mechanism: 'plain',
      username: 'u',
      password: 'p',
    })
    expect(kafkaLogin({ kafka_mechanism: 'scram-sha-512' })).toBeUndefined()
  })

  it('takes the mechanism in capitals too, as Kafka and clouds write it', () => {
    const read = (SLUICE_KAFKA_MECHANISM?: string) => readConfig(serverSettings, { SLUICE_KAFKA_MECHANISM })
    expect(read('SCRAM-SHA-256').kafka_mechanism).toBe('scram-sha-256')
    expect(read().kafka_mechanism).toBe('scram-sha-512')
    expect(() => read('GSSAPI')).toThrow('expected plain, scram-sha-256 or scram-sha-512; "GSSAPI" came')
  })

  it('with one half missing is refused, and the other half is not told', () => {
    const half = () => kafkaLogin({ kafka_password: 'hidden', kafka_mechanism: 'plain' })
    expect(half).toThrow(ConfigError)
    expect(half).toThrow('SLUICE_KAFKA_PASSWORD is set and SLUICE_KAFKA_USERNAME is not: set both, or neither')
    expect(() => kafkaLogin({ kafka_username: 'u', kafka_mechanism: 'plain' })).toThrow(/KAFKA_PASSWORD is not/)
  })
})
