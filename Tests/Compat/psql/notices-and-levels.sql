select talk(3);
set client_min_messages = warning;
select talk(3);
set client_min_messages = debug1;
create temp table t (i int primary key);
drop table if exists nowhere;
rollback;
begin; begin; commit;
