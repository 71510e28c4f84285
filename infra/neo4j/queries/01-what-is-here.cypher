// # What is here
// How many nodes and edges of each kind.
MATCH (n) WHERE n:User OR n:Movie OR n:Person
WITH labels(n)[0] AS kind, count(*) AS number
RETURN kind, number ORDER BY number DESC
UNION ALL
MATCH ()-[r:WATCHED|RELATED_TO|ACTED_IN|RECOMMENDED]->()
WITH type(r) AS kind, count(*) AS number
RETURN kind, number ORDER BY number DESC;
