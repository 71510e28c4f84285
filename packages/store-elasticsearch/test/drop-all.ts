import { Client } from '@elastic/elasticsearch'

/** Removes every index and template below a prefix. */
export async function dropAll(url: string, prefix: string): Promise<void> {
  const client = new Client({ node: url })
  const indices = Object.keys(await client.indices.get({ index: `${prefix}-*` }))
  if (indices.length > 0) await client.indices.delete({ index: indices })
  const { index_templates } = await client.indices.getIndexTemplate()
  for (const { name } of index_templates)
    if (name.startsWith(`${prefix}-`)) await client.indices.deleteIndexTemplate({ name })
  await client.close()
}
