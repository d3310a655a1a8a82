-- name: terms
-- The words of the search index from one up to another, exclusive, and how many products have each.
SELECT term, doc FROM products_terms WHERE term >= :first AND term < :past;
