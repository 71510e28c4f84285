import { DeltaError } from './delta-error.ts'

/** Z85 of https://rfc.zeromq.org/spec/32, the Base85 of PROTOCOL.md, Deletion Vector Descriptor Schema. */
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const VALUES = new Map([...ALPHABET].map((sign, value) => [sign, value]))

/** Throws `invalid_log` for text that is no Z85. */
export function decodeZ85(text: string): Uint8Array {
  if (text.length % 5 !== 0)
    throw new DeltaError('invalid_log', `Base85 text should have a multiple of 5 characters and has ${text.length}`)
  const bytes = new Uint8Array((text.length / 5) * 4)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < text.length; at += 5) {
    let value = 0
    for (let digit = at; digit < at + 5; digit++) value = value * 85 + (VALUES.get(text[digit] ?? '') ?? Number.NaN)
    if (!(value <= 0xffff_ffff))
      throw new DeltaError(
        'invalid_log',
        `Base85 text is damaged at character ${at}: ${JSON.stringify(text.slice(at, at + 5))}`,
      )
    view.setUint32((at / 5) * 4, value)
  }
  return bytes
}
