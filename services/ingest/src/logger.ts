/** What ingest logs with: pino, or anything that takes fields and a message. */
export interface IngestLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
