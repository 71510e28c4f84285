// # Actors of a viewer
// Whom somebody sees most often, by views of films they act in.
// :param user_id => 'u101'
MATCH (:User {id: $user_id})-[w:WATCHED]->(movie:Movie)<-[:ACTED_IN]-(person:Person)
RETURN person.id AS actor, sum(w.views) AS views, collect(DISTINCT movie.title) AS films
ORDER BY views DESC, actor LIMIT 20;
