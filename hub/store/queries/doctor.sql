-- name: schema
-- The number of the last migration that was applied.
SELECT user_version AS schema FROM pragma_user_version;

-- name: integrity
-- "ok", or the first thing that is wrong with the file.
SELECT quick_check AS verdict FROM pragma_quick_check(1);

-- name: quarantine
-- How many events could be stored but not understood, by tenant and kind of fault.
SELECT tenant_id, code, count(*) AS events FROM quarantine GROUP BY 1, 2 ORDER BY 1, 2;
