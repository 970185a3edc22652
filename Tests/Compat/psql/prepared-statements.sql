prepare find (int, text) as select id, name from items where id > $1 and name like $2 limit 2;
execute find(10, 'item%');
execute find(10);
select name, statement, parameter_types, from_sql from pg_prepared_statements;
deallocate find;
execute find(1, 'x');
deallocate all;
