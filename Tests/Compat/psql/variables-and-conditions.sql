select id as first, name as second from items where id = 7 \gset my_
\echo :my_first :'my_second' :"my_second"
select :my_first + 1 as next, :'my_second' as name;
\if :{?my_first}
select 'there';
\else
select 'not there';
\endif
select 1 where false \gset
select 1 union select 2 \gset
select 1/0;
\echo :ERROR :SQLSTATE :ROW_COUNT :LAST_ERROR_MESSAGE :LAST_ERROR_SQLSTATE
select 1;
\echo :ERROR :SQLSTATE :ROW_COUNT
