\set VERBOSITY verbose
select talk(2);
select 1 +;
select 'é日本' || nowhere;
insert into items (name, price) values ('x', -1);
insert into parts values (100000, 'x');
insert into items (name) values (null);
select 'x'::mood;
select fail('all fields');
\set VERBOSITY terse
select fail('terse');
\set VERBOSITY sqlstate
select fail('sqlstate');
\set SHOW_CONTEXT always
\set VERBOSITY default
do $$ begin perform fail('context'); end $$;
