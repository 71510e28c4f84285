import neo4j from 'neo4j-driver'

/** Removes every node and constraint: the Community edition has one database, and it is the tests'. */
export async function emptyGraph({
  url,
  username,
  password,
}: {
  url: string
  username: string
  password: string
}): Promise<void> {
  const driver = neo4j.driver(url, neo4j.auth.basic(username, password))
  await driver.executeQuery('MATCH (n) DETACH DELETE n')
  const { records } = await driver.executeQuery('SHOW CONSTRAINTS YIELD name')
  for (const record of records) await driver.executeQuery(`DROP CONSTRAINT \`${record.get('name')}\``)
  await driver.close()
}
