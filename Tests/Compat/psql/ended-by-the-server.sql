\set VERBOSITY verbose
select pg_terminate_backend(pg_backend_pid());
select 'connected again';
