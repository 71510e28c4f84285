import { z } from 'zod'

/** A configuration's schema: an object whose members are the settings, each with a default or optional, and described. */
export type ConfigSchema = z.ZodObject<Record<string, z.ZodType>>

/** A setting as `--help` lists it. */
export interface Setting {
  name: string
  default: string
  description: string
}

export class ConfigError extends Error {
  readonly code = 'invalid_config'
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

/** The environment's name of a setting: `flush_after_ms` is `SLUICE_FLUSH_AFTER_MS`. */
export function environmentName(setting: string): string {
  return `SLUICE_${setting.toUpperCase()}`
}

/**
 * Reads the settings from environment variables. An empty variable counts as unset.
 * @throws ConfigError that names each wrong setting, what was expected, and (unless it is a secret) what came
 */
export function readConfig<S extends ConfigSchema>(
  schema: S,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<S> {
  const given: Record<string, string> = {}
  for (const name of Object.keys(schema.shape)) {
    const value = environment[environmentName(name)]
    if (value !== undefined && value !== '') given[name] = value
  }
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const lines = result.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '')
    const came =
      given[name] === undefined
        ? 'nothing came'
        : isSecret(name)
          ? 'a value that is kept secret came'
          : `${JSON.stringify(given[name])} came`
    return `${environmentName(name)}: ${issue.message}; ${came}`
  })
  throw new ConfigError(`these settings are not as they should be; --help lists all of them\n  ${lines.join('\n  ')}`)
}

/** Text of `--help`: every setting with its default and meaning. */
export function helpOf(title: string, schema: ConfigSchema): string {
  const settings = settingsOf(schema)
  const width = Math.max(...settings.map(({ name }) => name.length))
  return `${title}\n\nSettings (environment variables):\n${settings.map(({ name, default: value, description }) => `  ${name.padEnd(width)}  ${description} (default: ${value})`).join('\n')}\n`
}

export function settingsOf(schema: ConfigSchema): Setting[] {
  const parsed = schema.safeParse({})
  const defaults: Record<string, unknown> = parsed.success ? parsed.data : {}
  return Object.entries(schema.shape).map(([name, setting]) => ({
    name: environmentName(name),
    default: defaults[name] === undefined ? 'none' : String(defaults[name]),
    description: setting.description ?? '',
  }))
}

const isSecret = (name: string) => /key|secret|password|token|credential/.test(name)

/** Settings come as texts: builders for the common kinds. */
export const setting = {
  text: (fallback: string) => z.string().default(fallback),
  optionalText: () => z.string().optional(),
  int: (fallback: number, { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}) =>
    z.coerce
      .number({ error: `expected a whole number from ${min} to ${max}` })
      .int(`expected a whole number from ${min} to ${max}`)
      .min(min, `expected at least ${min}`)
      .max(max, `expected at most ${max}`)
      .default(fallback),
  flag: (fallback: boolean) =>
    z
      .enum(['0', '1', 'true', 'false'], { error: 'expected 1 or 0' })
      .transform((value) => value === '1' || value === 'true')
      .default(fallback),
}
