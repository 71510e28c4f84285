import { ConfigError, readConfig } from '@sluice/service'
import { describe, expect, it } from 'vitest'
import { kafkaLogin, s3Credentials } from '../src/logins.ts'
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

describe('the keys of S3', () => {
  it("are both halves, or none where the SDK's own chain is wanted", () => {
    expect(s3Credentials({ s3_access_key: 'a', s3_secret_key: 's' })).toEqual({ access_key: 'a', secret_key: 's' })
    expect(s3Credentials({})).toBeUndefined()
  })

  it('with one half missing are refused, and the other half is not told', () => {
    const half = () => s3Credentials({ s3_secret_key: 'hidden' })
    expect(half).toThrow('SLUICE_S3_SECRET_KEY is set and SLUICE_S3_ACCESS_KEY is not: set both, or neither')
    expect(() => s3Credentials({ s3_access_key: 'a' })).toThrow(/SECRET_KEY is not/)
  })
})
