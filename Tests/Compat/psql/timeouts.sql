set statement_timeout = 100; select pg_sleep(5); reset statement_timeout;
set lock_timeout = 100; select pg_advisory_lock(1); reset lock_timeout;
\set VERBOSITY verbose
set statement_timeout = 100; copy (select pg_sleep(5)) to stdout; set statement_timeout = 0;
select 'alive';
