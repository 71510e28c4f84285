/** A name as SQL, of PostgreSQL and DuckDB alike. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
